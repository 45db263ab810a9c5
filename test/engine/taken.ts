// Which paths I/O goes down.
import { BLOCK, bytesOf, type Rig, type RigPath } from './rig.ts'

/** Positions (from 0) of the paths that so many reads go down, one read at a time. */
export async function takenByReads(rig: Rig, paths: readonly RigPath[], count: number): Promise<number[]> {
  return taken(paths, count, () => rig.read(0))
}

/** The same for writes. */
export async function takenByWrites(rig: Rig, paths: readonly RigPath[], count: number): Promise<number[]> {
  return taken(paths, count, (turn) => rig.write(turn * BLOCK, bytesOf(turn)))
}

async function taken(
  paths: readonly RigPath[],
  count: number,
  io: (turn: number) => Promise<unknown>,
): Promise<number[]> {
  const order: number[] = []
  for (let turn = 0; turn < count; turn += 1) {
    const before = paths.map(({ ios }) => ios.length)
    await io(turn)
    paths.forEach(({ ios }, at) => {
      if (ios.length > (before[at] ?? 0)) order.push(at)
    })
  }
  return order
}

/** Those that took any, in order. */
export function members(taken: readonly number[]): number[] {
  return [...new Set(taken)].sort((one, other) => one - other)
}
