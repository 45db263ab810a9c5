// What an incident is asked about, and what would be the right answer. Types, and the words that kinds are written with.
import type { ExplainRoot, ExplainTarget, Layer } from '../../store/explain/types.ts'
import { there, type Met, type World, type WorldPath } from './world.ts'

/** One question with its answer. */
export interface Asked {
  readonly target: ExplainTarget
  /** Default: the end. */
  readonly position?: number
  /** The first evidence: what of it is known to whoever injected it. */
  readonly root: Partial<ExplainRoot>
  /** The first evidence lies behind this position: it is of this incident, not of an older one. */
  readonly after?: number
  readonly layer: Layer
  /** Sentences that would be false. */
  readonly never?: readonly RegExp[]
  /** Sentences that must be there. */
  readonly says?: readonly RegExp[]
  /** Whether the path may come back by itself; where that is not said, it is not looked at. */
  readonly comesBack?: boolean
}

export interface Kind {
  readonly name: string
  readonly run: (world: World) => Promise<readonly Asked[]>
}

/** The first evidence of an I/O that a device did not take: as the world's own log has it. */
export function evidenceOf(met: Met, answer: { errno: string; status: string }): Partial<ExplainRoot> {
  const { op, offset, length, hctl } = met
  return { kind: 'pathError', op, offset, length, path: hctl, ...answer }
}

/** Errors of a path as a device gives them. */
export const PATH_ERRORS = [
  { errno: 'ENOLINK', status: 'TRANSPORT' },
  { errno: 'EIO', status: 'IOERR' },
  { errno: 'ENODEV', status: 'OFFLINE' },
  { errno: 'ENXIO', status: 'OFFLINE' },
] as const

/** Of the LUN or its target, with the layer that they lie in. */
export const LUN_ERRORS = [
  { errno: 'ENODATA', status: 'MEDIUM', layer: 'medium' },
  { errno: 'EILSEQ', status: 'PROTECTION', layer: 'medium' },
  { errno: 'ENOSPC', status: 'NOSPC', layer: 'medium' },
  { errno: 'EREMOTEIO', status: 'TARGET', layer: 'target' },
] as const

export const TIMEOUT = { errno: 'ETIMEDOUT', status: 'TIMEOUT' } as const

/** An older incident on one of the paths, healed before the one that is asked about. */
export async function maybeOlder(world: World): Promise<void> {
  if (world.pick(2) === 0) return
  const path = world.one(...world.paths)
  const lun = world.luns.find(({ wwid }) => wwid === path.wwid)
  if (lun === undefined) return
  world.fail([path], { errno: 'EIO' })
  await world.io(lun, 2 + world.pick(4))
  await world.pass(3_000)
  world.heal([path])
  await world.pass(60_000 + world.pick(100_000))
  world.met.length = 0
}

/** One logical unit with paths by two or three adapters, and some I/O. */
export async function oneUnit(
  world: World,
  settings: Parameters<World['open']>[0] = {},
  paths = 2 + world.pick(3),
): Promise<void> {
  await world.open({ iopolicy: world.one('round-robin', 'numa', 'queue-depth'), ...settings })
  const lun = world.lun()
  for (let at = 0; at < paths; at += 1) await world.add(lun, `${8 + at}:0:0:0`)
  await world.io(lun, 4 + world.pick(6))
  await maybeOlder(world)
}

export const pathOf = ({ stream }: { readonly stream: string }): ExplainTarget => ({ stream })
export const headOf = ({ wwid }: { readonly wwid: string }): ExplainTarget => ({ stream: `head/${wwid}` })

/** A path of those there are that I/O goes down. */
export function victim(world: World): WorldPath {
  return world.one(...world.paths)
}

/** I/O until this path has met something. */
export async function meet(
  world: World,
  path: WorldPath,
  op: 'read' | 'write' | 'any' = 'any',
): Promise<void> {
  const lun = there(world.luns.find(({ wwid }) => wwid === path.wwid))
  world.head(lun).setIoPolicy('round-robin')
  for (
    let turn = 0;
    turn < 12 && !world.met.some(({ hctl, probe }) => hctl === path.hctl && !probe);
    turn += 1
  ) {
    await world.io(lun, 1, op)
  }
}

export const NO_OTHER = [/adapter first/, /controller of the array first/, /bad block/, /This was wanted/]
