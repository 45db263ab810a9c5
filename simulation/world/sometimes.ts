// Rare situations that a sweep must reach: what is never reached is not tested. Each is counted once for a seed.
/** Every situation, with what it is. A sweep of a thousand seeds or more that misses one has failed. */
export const SITUATIONS = {
  failoverDuringFlush: 'a path failed while a flush was under way',
  flushErrorTold: 'a cache lost writes, and the caller of the flush heard of it',
  notDurableTold: 'a flush could not reach what was acknowledged, and its caller heard so (NOT_DURABLE)',
  serverDied: 'the server of a path died with what was in its cache',
  lateCompletionAfterReturn: 'an attempt that had been given up succeeded when its path was back',
  ghostEndedByCompletion: 'a ghost ended because its attempt came back',
  ghostEndedByLaterIo: 'a ghost ended because its connection answered a later I/O',
  ghostEndedByClaim: 'a ghost ended because its device could be claimed',
  ghostEndedByFence: 'a ghost ended because its path was fenced',
  ghostEndedByTime: 'a ghost ended because its time was over',
  ghostReleasedByOperator: 'an operator released ghosts',
  heldThenServed: 'a write waited for a ghost, and was done',
  holdExpired: 'a write waited too long for a ghost (GHOST_HOLD)',
  discardOverGhost: 'a discard waited for a ghost',
  outcomeUnknown: 'a caller heard that nobody knows what became of their write',
  lateWriteLanded: 'a write landed after its caller had heard an error',
  busyRetriedOnSamePath: 'a busy path was tried again',
  bioPoisoned: 'an I/O was refused by healthy paths: the error of the LUN',
  queuedThenServed: 'an I/O waited for a path, and was done',
  noPathGaveUp: 'an I/O ended because no path was left',
  queueWasFull: 'a caller waited because the queue was full',
  allDownOneReturns: 'the last path left, and one came back within the delayed removal',
  headRemoved: 'a head was removed',
  pathMarginal: 'a path became marginal',
  pathHeldBack: 'a path came back and was held back',
  pathOverridden: 'a path that its operator had disabled was tried, because no other was left',
  identityRefused: 'a path came back as another device and was refused',
  resizedUnderLoad: 'a LUN grew under I/O',
  shrinkRefused: 'a path had fewer bytes than its head, which did not follow',
  clockJumpedOverDeadline: 'the wall clock jumped while a deadline was waited for',
  crashBetweenAppendAndEffect: 'an engine died between the record of something and its effect',
  crashBeforeAppend: 'an engine died as it was about to record something',
  crashInRecovery: 'an engine died while it took up what another one had left',
  recoveryWithGhosts: 'an engine started with ghosts of the one before',
  wholeLunHeld: 'an unclean start held off a whole LUN',
  pathReturnedAfterRestart: 'the same attach came back after a restart',
  pathForgotten: 'a path of the last run was given up',
  claimRefused: 'a device could not be opened, for the kernel had it open for a dead engine',
  powerCutTore: 'a power cut tore a write',
  powerCutLost: 'a power cut took what was only in a cache',
  ledgerDegradedAndBack: 'the ledger took nothing for a while, and then again',
  ledgerStalled: 'a caller heard LEDGER_STALLED',
  wentOnWithoutRecord: 'a gate went on without its record, as the policy says',
  keyOnReturningPath: 'a key was registered on a path before its first I/O',
  reservationConflict: 'an I/O was refused by a reservation',
  preempted: 'a registration was preempted',
  preemptDuringFailover: 'a registration was preempted while a path of the LUN was down',
  preemptBusy: 'a preempt could not be proved in time',
  bystanderHidClaim: 'another program had a device open that the kernel had open for a dead engine as well',
  storageHung: 'the storage that the engines of a LUN share did not answer for a while',
  storageStalled: 'a caller or an operator heard LUN_STORAGE_STALLED',
  storageLost: 'the storage that the engines of a LUN share was cleaned away under them',
  storageLostWithGhosts: 'ghosts were on no storage any more, and on a ledger alone',
} as const
export type Situation = keyof typeof SITUATIONS

export const ALL_SITUATIONS = Object.keys(SITUATIONS) as readonly Situation[]

export class Sometimes {
  readonly #reached = new Set<Situation>()
  /** By generation: the path that was busy with it last. */
  readonly #busy = new Map<number, string>()

  reach(situation: Situation): void {
    this.#reached.add(situation)
  }

  get reached(): readonly Situation[] {
    return ALL_SITUATIONS.filter((situation) => this.#reached.has(situation))
  }

  /** A write was sent down a path. */
  sent(generation: number, hctl: string): void {
    if (this.#busy.get(generation) === hctl) this.reach('busyRetriedOnSamePath')
    this.#busy.delete(generation)
  }

  /** A path refused a write. */
  refused(generation: number, hctl: string, errno: string): void {
    if (errno === 'EAGAIN') this.#busy.set(generation, hctl)
  }
}
