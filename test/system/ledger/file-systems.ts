// File systems for a ledger, each with a real fault: one that is full (tmpfs), and one over a disk that errs or hangs (ext4
// without a journal over nbdfuse over nbdkit). What is mounted here is unmounted when the test ends.
import { execFileSync } from 'node:child_process'
import {
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  rmSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { requireTools, ServedPath } from '../hang/servers.ts'

const MIB = 1024 * 1024

export interface LedgerDisk {
  /** Where to put the ledger. */
  readonly file: string
  /** From now on nothing can be written. */
  break(): void
  heal(): void
  /** Forgets what the kernel has cached: what is read then lies on the disk. */
  reread(): void
}

/** A tmpfs of 2 MiB; broken is full to the last byte. */
export function smallDisk(): LedgerDisk {
  requireTools()
  const { folder, mounted } = newFolder()
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=2m', 'tmpfs', mounted])
  onTestFinished(() => unmount(folder, mounted))
  const ballast = join(mounted, 'ballast')
  return {
    file: join(mounted, 'mp.ledger'),
    break: () => fill(ballast),
    heal: () => rmSync(ballast),
    reread: () => undefined,
  }
}

/** A disk behind a server that can be told to fail everything, or be stopped. */
export async function servedDisk(fault: 'errs' | 'hangs'): Promise<LedgerDisk> {
  requireTools()
  const { folder, mounted } = newFolder()
  const image = join(folder, 'disk.img')
  writeFileSync(image, '')
  truncateSync(image, 32 * MIB)
  // With a journal the file system would turn itself read-only at the first error, for good.
  execFileSync('mkfs.ext4', ['-q', '-F', '-O', '^has_journal', '-e', 'continue', image])
  const served = await ServedPath.start({
    ...{ folder, name: 'disk', wwid: 'naa.600140500000ed6e', plugin: ['file', image], logged: false },
  })
  const mount = () => execFileSync('mount', ['-o', 'loop', join(folder, 'disk', 'nbd'), mounted])
  mount()
  onTestFinished(async () => {
    served.resume()
    served.heal()
    unmount(null, mounted)
    await served.cleanUp()
    rmSync(folder, { recursive: true, force: true })
  })
  return {
    file: join(mounted, 'mp.ledger'),
    break: () => (fault === 'errs' ? served.eio(true) : served.hang()),
    heal: () => (fault === 'errs' ? served.heal() : served.resume()),
    reread: () => {
      execFileSync('umount', [mounted])
      mount()
    },
  }
}

function newFolder(): { folder: string; mounted: string } {
  const folder = mkdtempSync(join(tmpdir(), 'pathledger-ledger-disk-'))
  const mounted = join(folder, 'mounted')
  mkdirSync(mounted)
  return { folder, mounted }
}

function unmount(folder: string | null, mounted: string): void {
  execFileSync('umount', [mounted])
  if (folder !== null) rmSync(folder, { recursive: true, force: true })
}

/** Writes until there is no room for one more byte. */
function fill(file: string): void {
  const fd = openSync(file, 'w')
  try {
    for (let chunk = Buffer.alloc(4096); chunk.length > 0;) {
      try {
        writeSync(fd, chunk)
      } catch {
        chunk = chunk.subarray(0, chunk.length >> 1)
      }
    }
  } finally {
    closeSync(fd)
  }
}
