// Who may have a claimed loop device: a mount, a block device above it, or a program that has it open. Where there is
// nobody, and every process could be looked at, the claim is that of I/O whose engine is dead.
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { readMountsOf } from '../mounts.ts'

/** What speaks for a live holder: why the device is busy. `nobody` is certain, `unknown` is not. */
export type Holder =
  { readonly kind: 'holder'; readonly why: string } | { readonly kind: 'nobody' | 'unknown' }

/** The loop device by its name ('loop0') and number ('7:0'). */
export interface BusyLoop {
  readonly name: string
  readonly number: string
}

/** Looks for whoever has it. No call here waits for the server behind the device. */
export function holderOf({ name, number }: BusyLoop, roots = { proc: '/proc', sys: '/sys' }): Holder {
  const above = entriesOf(`${roots.sys}/block/${name}/holders`) ?? []
  if (above.length > 0) return held(`It is held by ${above.join(', ')}.`)
  if (isSwap(name, roots.proc)) return held('The machine swaps to it.')
  let complete = true
  const namespaces = new Set<string>()
  for (const pid of entriesOf(roots.proc) ?? []) {
    if (!/^\d+$/.test(pid)) continue
    const namespace = linkOf(`${roots.proc}/${pid}/ns/mnt`)
    if (namespace === null || !namespaces.has(namespace)) {
      if (namespace !== null) namespaces.add(namespace)
      const mount = readMountsOf(pid, roots.proc).find(({ device }) => device === number)
      if (mount !== undefined) return held(`It is mounted on ${mount.mountPoint}.`)
    }
    const opened = hasOpen(`${roots.proc}/${pid}`, `/dev/${name}`)
    if (opened === true) return held(`Process ${pid} (${commandOf(pid, roots.proc)}) has it open.`)
    complete &&= opened !== null
  }
  return { kind: complete ? 'nobody' : 'unknown' }
}

function held(why: string): Holder {
  return { kind: 'holder', why }
}

/** Null where we may not look. A process that was killed and only waits for its I/O is no holder. */
function hasOpen(process: string, device: string): boolean | null {
  const descriptors = entriesOf(`${process}/fd`)
  if (descriptors === null) return isOver(process) ? false : null
  const open = descriptors.some((fd) => linkOf(`${process}/fd/${fd}`) === device)
  return open && !isOver(process) && !isHelper(process)
}

/**
 * A helper of ours claims nothing: its engine, where it lives, has the device open itself; else it keeps it attached. Those of
 * older versions stood in child/.
 */
function isHelper(process: string): boolean {
  const words = textOf(`${process}/cmdline`)?.split('\0') ?? []
  return words.some((word) => /[\\/]adapters[\\/](helper|child)[\\/]main\.(ts|js)$/.test(word))
}

/** It is gone, a zombie, or has SIGKILL pending: it does nothing of its own any more. */
function isOver(process: string): boolean {
  const status = textOf(`${process}/status`)
  if (status === null || /^State:\s+[ZX]/m.test(status)) return true
  return [...status.matchAll(/^(?:SigPnd|ShdPnd):\s+([0-9a-f]+)/gm)].some(([, mask]) => {
    return (BigInt(`0x${mask ?? '0'}`) & SIGKILL_BIT) !== 0n
  })
}

const SIGKILL_BIT = 1n << 8n

function isSwap(name: string, procRoot: string): boolean {
  return (textOf(`${procRoot}/swaps`) ?? '')
    .split('\n')
    .some((line) => line.split(/\s/)[0] === `/dev/${name}`)
}

function commandOf(pid: string, procRoot: string): string {
  return textOf(`${procRoot}/${pid}/comm`)?.trim() ?? '?'
}

/** Null where it cannot be read; none where it is not there any more. */
function entriesOf(directory: string): readonly string[] | null {
  try {
    return readdirSync(directory)
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EACCES' ? null : []
  }
}

function linkOf(path: string): string | null {
  try {
    return readlinkSync(path)
  } catch {
    return null
  }
}

function textOf(path: string): string | null {
  try {
    return readFileSync(path, 'latin1')
  } catch {
    return null
  }
}
