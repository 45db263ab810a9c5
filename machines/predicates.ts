// May I send I/O down this path now, and is it worth waiting for? One pure function each, the single source of truth:
// the selection table, the audit queries and the drawings all come from here (D-20, D-55).
import { checkArguments } from '../errors/arguments.ts'
import type { PathValue } from './words.ts'

/** What a path's context adds to its value. */
export interface PathFlags {
  /** 'on': every other path failed, and `restoreOnError` tries a path that its operator pulled. */
  readonly override: 'none' | 'on' | 'refused'
  /** It failed, and the loss rules say that it is worth waiting for. */
  readonly waiting: boolean
  /** It came back, and does not take its I/O again yet. */
  readonly heldBack: boolean
  /** It works, and somebody is taking it away. */
  readonly goingAway: boolean
  /** It answers nothing while another one does. Absent: it is not. */
  readonly silent?: boolean
}

/** A path of which nothing more is known than its value. */
export const NO_FLAGS: PathFlags = { override: 'none', waiting: false, heldBack: false, goingAway: false }

/** The flags out of a context, also of one that was recorded before there were any. */
export function flagsOf(context: Partial<PathFlags>): PathFlags {
  checkArguments('flagsOf', { context }, { context: 'object' })
  const { override, waiting, heldBack, goingAway, silent } = { ...NO_FLAGS, ...context }
  return { override, waiting, heldBack, goingAway, ...(silent === true ? { silent } : {}) }
}

/** Asked at each change of a state, so it does no more than it has to. */
function checkPath(call: string, path: unknown): void {
  if (typeof path !== 'object' || path === null) checkArguments(call, { path }, { path: 'object' })
}

/**
 * True when no I/O may be sent down the path now. Usable is the conjunction of: device running, access state optimal or
 * active (the preferred bit is kept apart and never compared), health not failed, and the operator has not pulled it.
 */
export function isDisabled(path: PathValue, flags: PathFlags = NO_FLAGS): boolean {
  checkPath('isDisabled', path)
  const deviceUsable = path.device === 'running'
  const adminUsable = path.admin === 'enabled' || flags.override === 'on'
  return !(deviceUsable && isAccessUsable(path) && isHealthy(path) && adminUsable)
}

/** True when the access state alone lets I/O through. */
export function isAccessUsable({ access }: Pick<PathValue, 'access'>): boolean {
  return access === 'optimal' || access === 'active'
}

/** True when the path may be used now and its access state is optimal. */
export function isOptimized(path: PathValue, flags: PathFlags = NO_FLAGS): boolean {
  return !isDisabled(path, flags) && path.access === 'optimal'
}

/**
 * True when the path is worth waiting for: not "send now" but "it may come back by itself". A device that is not fully
 * created does not keep I/O waiting (D-22). A path that failed is waited for while the loss rules say so, one that the
 * operator pulled never; beyond this rule `noPathRetry` decides about those.
 */
export function isAvailable(path: PathValue, flags: PathFlags = NO_FLAGS): boolean {
  checkPath('isAvailable', path)
  const deviceMayReturn = path.device === 'running' || path.device === 'quiesced' || path.device === 'blocked'
  const mayReturn = isHealthy(path) || flags.waiting
  return deviceMayReturn && mayReturn && (path.admin === 'enabled' || flags.override === 'on')
}

/** Ranks of usable paths: from here on they came back and wait for their failback. */
export const RANK_HELD_BACK = 2
/** From here on they work badly or are going away: used last, and never excluded when they are alone. */
export const RANK_MARGINAL = 4

/**
 * How good a usable path is; 0 is best, and only paths of the best rank there is carry I/O. Online optimized, online
 * non-optimized, then the same two held back, then the same two marginal (scenario 9).
 */
export function rankOf(path: PathValue, { heldBack, goingAway, silent }: PathFlags = NO_FLAGS): number {
  const optimized = path.access === 'optimal' ? 0 : 1
  if (path.health === 'marginal' || goingAway || silent === true) return RANK_MARGINAL + optimized
  return heldBack ? RANK_HELD_BACK + optimized : optimized
}

function isHealthy({ health }: PathValue): boolean {
  return health === 'online' || health === 'marginal'
}
