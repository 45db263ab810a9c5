// A write that lands late, and what the tests of it have in common.
import { BLOCK, HangRig, until } from './rig.ts'
import type { OpenSettings } from './rig.ts'

export const OLD = 0xaa
export const NEW = 0xbb
/** Without the guard: the test must then see the corruption. */
export const WITHOUT = { guardsOff: true }
/** What `explain` must name: A did not answer the write in time. */
export const HUNG = { kind: 'pathError', status: 'TIMEOUT', errno: 'ETIMEDOUT', op: 'write' } as const

/** An engine with short times over A and B. */
export async function open(settings: OpenSettings = {}): Promise<HangRig> {
  const rig = await HangRig.make()
  await rig.open(settings)
  return rig
}

/** A hangs, a write goes down it, and is acknowledged through B. The stopped server has its bytes. */
export async function hangWith(rig: HangRig, offset = 0, length = BLOCK): Promise<void> {
  rig.a.hang()
  await rig.write(offset, OLD, length)
  await rig.a.holds(length)
}

/** So many newer writes wait for a ghost. */
export const isHeld = (rig: HangRig, count = 1) =>
  until(`${count} newer writes are held`, () => rig.head.held.bios === count)
