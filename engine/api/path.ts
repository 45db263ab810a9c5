// A path as a program sees it.
import { checkArguments, checkFields, shown } from '../../errors/arguments.ts'
import { PathledgerError } from '../../errors.ts'
import { ACCESS_STATES, type AccessState, type PathValue } from '../../machines/words.ts'
import type { Evidence } from '../../machines/events.ts'
import { flagsOf, type PathFlags } from '../../machines/predicates.ts'
import type { PathCounters } from '../accounting/counters.ts'
import { preferPath } from './head-words.ts'
import { pathGone } from '../heads/gone.ts'
import { recordPath } from '../heads/lifecycle.ts'
import type { PathRuntime } from '../heads/runtime.ts'
import type { Recorded } from '../ledger/recorder.ts'
import { applyCounters, checkCounters, zeros, type CounterValues } from '../accounting/set-counters.ts'
import { checkWord, checkWords } from '../core/spoken.ts'
import type { OperatorWord } from '../core/spoken.ts'

/** What `removePath` of the registry does, handed in so that a path can be removed from here. */
export type RemovePath = (path: PathRuntime, why: string, actor: string) => Promise<void>

/**
 * One way to a logical unit. Made by {@link Multipath.addPath}. Everything that happens to it is on the ledger, stream
 * `path/<wwid>/<H:C:I:L>`.
 */
export class Path {
  readonly #runtime: PathRuntime
  readonly #remove: RemovePath

  /** @internal */
  constructor(runtime: PathRuntime, remove: RemovePath) {
    this.#runtime = runtime
    this.#remove = remove
  }

  /** 'sda:0': the head's name and the path's index. */
  get name(): string {
    return this.#runtime.name
  }

  /** Host:channel:target:lun, '8:0:0:0'. */
  get hctl(): string {
    return this.#runtime.hctl
  }

  /** '/dev/loop0', a file's name, or 'memory'. */
  get device(): string {
    return this.#runtime.device.device
  }

  /** One word per region: device, access, health, admin (docs/path.mmd draws them). */
  get state(): PathValue {
    return this.#runtime.value
  }

  /** True when I/O may be sent down it now. */
  get usable(): boolean {
    return !this.#runtime.disabled
  }

  /**
   * What its state does not say: whether its operator is overridden, whether it waits for its failback, whether it is waited
   * for although it failed, whether somebody is taking it away, and `silent` where it answers nothing.
   */
  get flags(): PathFlags {
    return flagsOf(this.#runtime.context)
  }

  /** Timers that are armed, each with the milliseconds that are left. */
  get timers(): Readonly<Record<string, number>> {
    const { context, core } = this.#runtime
    const nowUs = core.clock.monoUs()
    const left = ([timer, dueUs]: [string, number]) => [timer, Math.max(0, Math.ceil((dueUs - nowUs) / 1000))]
    return Object.fromEntries(Object.entries(context.timers).map(left)) as Record<string, number>
  }

  /** ALUA's preferred bit. */
  get preferred(): boolean {
    return this.#runtime.context.preferred
  }

  /** First evidence of the failure that holds now: errno, op, offset; null while healthy. */
  get failure(): Evidence | null {
    return this.#runtime.context.failure
  }

  /** Attempts in flight, with probes and what is passed through. */
  get inFlight(): number {
    return this.#runtime.inFlight
  }

  /** `mpath_queue_depth`: requests in flight on the path's adapter (host), counted while the policy is queue-depth. */
  get queueDepth(): number {
    return this.#runtime.adapter.active
  }

  /** NUMA node that the path is on; null when it belongs to none, and is as far from each as from the others. */
  get numaNode(): number | null {
    return this.#runtime.numaNode
  }

  /** `mpath_numa_nodes`: the NUMA nodes whose cached path this is, while its access state lets it carry their I/O. */
  get numaNodes(): number[] {
    return this.#runtime.nodes
  }

  /** What was done through this path since it was added: I/Os, bytes, errors, re-sends. */
  get counters(): Readonly<PathCounters> {
    return { ...this.#runtime.counters }
  }

  /** Sets counters; who and why is on the ledger. Throws COUNTER_INVALID (EINVAL), and nothing is changed. */
  setCounters(values: CounterValues<PathCounters>, word: OperatorWord = {}): void {
    checkWord(word)
    const path = this.#runtime
    if (path.gone) throw pathGone(path)
    checkCounters(path.counters, values)
    const was = applyCounters(path.counters, path.sampled, values)
    const origin = { actor: word.actor ?? 'operator', reason: word.reason ?? null }
    recordPath(path, 'path.countersSet', { was, now: { ...values } }, origin)
  }

  /** Sets every counter to 0. */
  resetCounters(word: OperatorWord = {}): void {
    this.setCounters(zeros(this.#runtime.counters), word)
  }

  /**
   * Takes the new access state of the path, as sense data would tell it (ALUA). Takes effect with the next I/O.
   * Throws ACCESS_STATE_INVALID for a word that is none of ALUA's.
   */
  setAccessState(access: AccessState, options: { preferred?: boolean; why?: string } = {}): void {
    checkAccess(access)
    checkFields('setAccessState', 'options', options, { preferred: 'flag?' })
    const { preferred = this.preferred, why = 'set' } = options
    this.#record('path.accessChanged', { access, preferred, why }, {})
  }

  /**
   * Sense data that came with a command on this path, in either format: an event, and where it tells of a change of
   * access states the target is asked for them (REPORT TARGET PORT GROUPS). What is no sense data is ignored.
   */
  reportSense(sense: Uint8Array): void {
    if (this.#runtime.gone) throw pathGone(this.#runtime)
    checkArguments('reportSense', { sense }, { sense: 'bytes' })
    this.#runtime.head.actions.sense(this.#runtime, sense)
  }

  /** The operator pulls the path: no I/O is sent down it, and nothing automatic undoes that. */
  fail(word: OperatorWord = {}): void {
    checkWord(word)
    this.#record('path.disabled', { why: word.reason ?? 'operator' }, word)
  }

  /** The operator prefers this path of its head: while it is well all I/O goes there ({@link Head.prefer}). */
  prefer(word: OperatorWord = {}): void {
    checkWord(word)
    if (this.#runtime.gone) throw pathGone(this.#runtime)
    preferPath(this.#runtime.head, this.hctl, word)
  }

  /** The operator puts the path back. Its health is another matter: a failed path stays failed until it answers. */
  reinstate(word: OperatorWord = {}): void {
    checkWord(word)
    this.#record('path.enabled', { why: word.reason ?? 'operator' }, word)
  }

  /** Blocks the device, as the transport does while it recovers: I/O waits for it, and is woken by {@link unblock}. */
  block(word?: OperatorWord): void {
    this.#step('path.blocked', 'blocked', word)
  }

  /** Unblocks the device and wakes parked I/O. */
  unblock(word?: OperatorWord): void {
    this.#step('path.unblocked', 'unblocked', word)
  }

  /** The device takes no new I/O for now (SDEV_QUIESCE): what finds no other path waits for {@link resume}. */
  quiesce(word?: OperatorWord): void {
    this.#step('path.quiesced', 'quiesced', word)
  }

  /** A quiesced device takes I/O again; parked I/O is woken. */
  resume(word?: OperatorWord): void {
    this.#step('path.resumed', 'resumed', word)
  }

  /** The device is offline (SDEV_OFFLINE), as after an error recovery that did not help: nothing waits for it. */
  setOffline(word?: OperatorWord): void {
    this.#step('path.wentOffline', 'offline', word)
  }

  /** The way to the device is gone (SDEV_TRANSPORT_OFFLINE), as when the transport's timers run out: nothing waits for it. */
  setTransportOffline(word?: OperatorWord): void {
    this.#step('path.transportWentOffline', 'transport offline', word)
  }

  /** A device that was offline, by itself or with its transport, is running again; parked I/O is woken. */
  setOnline(word?: OperatorWord): void {
    this.#step('path.cameOnline', 'online', word)
  }

  /** The device is being taken away (SDEV_CANCEL): it gets no new I/O, and all that can follow is {@link remove}. */
  cancel(word?: OperatorWord): void {
    this.#step('path.cancelled', 'cancelled', word)
  }

  /**
   * Takes the path out of its head at once. Resolves when its last I/O has ended, its device is closed and the removal
   * is on the ledger. Rejects with PATH_REMOVED when it is gone already.
   */
  async remove(word: OperatorWord = {}): Promise<void> {
    checkWord(word)
    return this.#remove(this.#runtime, word.reason ?? 'removed', word.actor ?? 'operator')
  }

  #step(type: string, otherwise: string, word: OperatorWord = {}): void {
    checkWord(word)
    this.#record(type, { why: word.reason ?? otherwise }, word)
  }

  #record(type: string, data: Readonly<Record<string, unknown>>, word: OperatorWord): void {
    checkWords({ actor: word.actor, reason: word.reason, why: data['why'] })
    if (this.#runtime.gone) throw pathGone(this.#runtime)
    const origin = { actor: word.actor ?? 'operator', reason: word.reason ?? null }
    const { recorded, refused } = recordPath(this.#runtime, type, data, origin)
    if (refused) throw refuseTransition(this.#runtime, type, recorded)
  }
}

/** Throws ACCESS_STATE_INVALID for a word that is none of ALUA's. */
export function checkAccess(access: AccessState): void {
  if (ACCESS_STATES.includes(access)) return
  throw new PathledgerError('ACCESS_STATE_INVALID', {
    message: `${shown(access)} is not an access state.`,
    why: `The access states of ALUA are ${ACCESS_STATES.join(', ')}.`,
    todo: 'Use one of them.',
    errno: 'EINVAL',
  })
}

/** Puts on the ledger why the step was refused, after the refused event itself, and gives the error for the caller. */
function refuseTransition(path: PathRuntime, asked: string, cause: Recorded): PathledgerError {
  const { device, access, health, admin } = path.value
  const why = `It is ${device}, ${access}, ${health}, ${admin}, and has no such transition (docs/path.mmd).`
  recordPath(path, 'path.transitionRefused', { asked, why }, { cause })
  return new PathledgerError('TRANSITION_REFUSED', {
    message: `${path.name} cannot take ${asked} in its present state.`,
    why: `${why} The ledger records the request and the refusal.`,
    todo: 'Check its state first.',
    errno: 'EINVAL',
  })
}
