// A machine of our own making: sysfs and mountinfo in a temporary directory, and files that need not exist.
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import type { StackView } from '../../adapters/block-stack.ts'
import type { FileFacts } from '../../adapters/file-facts.ts'

export interface FakeMachine {
  readonly view: StackView
  /** A block device: its number, its directory below /sys/devices, and the attributes in it. */
  block(number: string, place: string, attributes?: Readonly<Record<string, string>>): void
  /** Puts the device at one place below another one: an array over its members. */
  slave(place: string, of: string): void
  /** A file of sysfs. */
  write(path: string, text: string): void
  mount(number: string, mountPoint: string, fsType: string, source: string, options?: string): void
  /** A file or directory on the filesystem of this number. */
  file(path: string, device: string, inode: number, blockNumber?: string): void
  remove(): void
}

export function fakeMachine(): FakeMachine {
  const root = mkdtempSync(join(tmpdir(), 'pathledger-machine-'))
  const [sysRoot, procRoot] = [join(root, 'sys'), join(root, 'proc')]
  const files = new Map<string, FileFacts>()
  const mounts: string[] = []
  const put = (path: string, text: string): void => {
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, text)
  }
  const link = (target: string, path: string): void => {
    mkdirSync(dirname(path), { recursive: true })
    symlinkSync(target, path)
  }
  return {
    view: { sysRoot, procRoot, inspect: (path) => files.get(path) ?? null },
    block: (number, place, attributes = {}) => {
      const home = join(sysRoot, 'devices', place)
      put(join(home, 'dev'), `${number}\n`)
      for (const [name, value] of Object.entries(attributes)) put(join(home, name), `${value}\n`)
      link(home, join(sysRoot, 'dev/block', number))
    },
    slave: (place, of) => {
      link(
        join(sysRoot, 'devices', place),
        join(sysRoot, 'devices', of, 'slaves', place.replaceAll('/', '_')),
      )
    },
    write: (path, text) => {
      put(join(sysRoot, path), text)
    },
    mount: (number, mountPoint, fsType, source, options = 'rw') => {
      mounts.push(`30 1 ${number} / ${mountPoint} rw shared:1 - ${fsType} ${source} ${options}`)
      put(join(procRoot, 'self/mountinfo'), `${mounts.join('\n')}\n`)
    },
    file: (path, device, inode, blockNumber) => {
      const facts = { realPath: path, device, inode: `${device}:${inode}`, blockNumber: blockNumber ?? null }
      files.set(path, facts)
    },
    remove: () => {
      rmSync(root, { recursive: true })
    },
  }
}
