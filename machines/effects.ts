// What a transition asks of the world, as data. The machines name effects, step() collects them, the engine performs them.

export type EffectName =
  /** Forget the path in every node's cache of the current path. */
  | 'clearCurrentPath'
  /** Run the path search for every NUMA node and remember what it finds. */
  | 'searchCurrentPath'
  /** Send the parked I/O again. */
  | 'wakeRequeue'
  /** End the parked I/O with an error. */
  | 'failRequeue'
  /** Read from the path and report what came. */
  | 'probe'
  /** Check a path that is well, and report what came. */
  | 'check'
  /** Begin to sample a marginal path. */
  | 'sample'
  /** Report what the samples came to. */
  | 'tally'
  /** Take the path out of its head. */
  | 'removePath'
  /** Ask the target for the access states of its port groups, through any live path. */
  | 'reportGroups'
  /** Give each path the access state that its port group has. */
  | 'spreadGroups'
  /** Tell the head anew what its paths come to: some are no longer worth waiting for. */
  | 'recountPaths'
  /** Show the head to the outside. */
  | 'publishDisk'
  /** Take the head away from the outside. */
  | 'removeDisk'
  | 'startTimer'
  | 'cancelTimer'

export interface Effect {
  readonly type: EffectName
  /** For timers: which, and the monotonic time it is due at, microseconds. */
  readonly timer?: string
  readonly dueUs?: number
}

/** An effect in a machine: does nothing, is only named. */
export function effect(): void {
  // The engine performs it.
}

export interface TimerParams {
  readonly timer: string
  readonly dueUs: number
}

/** A timer effect in a machine: its params say which timer and when. */
export function timerEffect(_args: unknown, _params: TimerParams): void {
  // The engine performs it.
}

/** The deadlines of armed timers after a restart: those that were told anew, and the others as they were. */
export function rebased(
  armed: Readonly<Record<string, number>>,
  told: Readonly<Record<string, number>>,
): Record<string, number> {
  return Object.fromEntries(
    Object.entries(armed).map(([timer, dueUs]) => [
      timer,
      Object.hasOwn(told, timer) ? (told[timer] ?? dueUs) : dueUs,
    ]),
  )
}
