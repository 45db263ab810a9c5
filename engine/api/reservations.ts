// Persistent reservations as a program uses them: Linux's words (pr_ops), and the bytes of PERSISTENT RESERVE IN and OUT.
import { checkArguments, shown } from '../../errors/arguments.ts'
import { byteAt } from '../../adapters/scsi/bytes.ts'
import { allocated, BUSY, CHECK_CONDITION, GOOD, RESERVATION_CONFLICT } from '../../adapters/scsi/cdb.ts'
import type { ScsiAnswer } from '../../adapters/ports.ts'
import {
  buildCapabilities,
  buildFullStatus,
  buildKeys,
  buildReservation,
  keyText,
  parseReserveOut,
  PERSISTENT_RESERVE_IN,
  PERSISTENT_RESERVE_OUT,
  RESERVE_IN,
} from '../../adapters/scsi/persistent-reserve.ts'
import { buildFixedSense, SENSE_KEYS, senseOf } from '../../adapters/scsi/sense.ts'
import { hasCode, PathledgerError } from '../../errors.ts'
import {
  isAllRegistrants,
  keyOf,
  NO_KEY,
  RESERVATION_TYPES,
  type NexusName,
  type ReservationState,
  type ReservationType,
} from '../../machines/reservation/rules.ts'
import type { HeadRuntime, PathRuntime } from '../heads/runtime.ts'
import type { OperatorWord } from '../core/spoken.ts'
import { checkWord } from '../core/spoken.ts'
import type { Outcome, Wish } from '../lun/reservation-command.ts'

/** A key: 64 bits, as a bigint or as '0x' and up to 16 hex digits. */
export type ReservationKey = bigint | string

/** The reservation that a LUN has. */
export interface ReservationInfo {
  readonly type: ReservationType
  /** Key of its holder; null where every registrant holds it. */
  readonly key: string | null
  readonly holder: NexusName | null
}

/** One PERSISTENT RESERVE command and how it was answered; `why` says it in words. */
export interface ReserveAnswer extends ScsiAnswer {
  readonly why: string
}

/**
 * Persistent reservations of a head's LUN. Taken from {@link Head.reservations}. Registered once is registered on every
 * path, on paths that return and on new ones before their first I/O. A command that takes access away resolves only when
 * no engine of the LUN has an older write open (docs/reservations.md).
 *
 * Errors: RESERVATION_CONFLICT (EBADE), RESERVATION_BUSY (EBUSY: it is in force, but not proved everywhere; ask again),
 * RESERVATION_REFUSED, RESERVATION_KEY, RESERVATION_TYPE, RESERVATION_NO_PATH (EWOULDBLOCK).
 */
export class Reservations {
  readonly #head: HeadRuntime

  /** @internal */
  constructor(head: HeadRuntime) {
    this.#head = head
  }

  /** Registers `key` on every path; `oldKey` is the one that is registered now (default none), unless `ignore` is set. */
  async register(
    key: ReservationKey,
    options: {
      readonly oldKey?: ReservationKey
      readonly ignore?: boolean
      readonly aptpl?: boolean
    } & OperatorWord = {},
  ): Promise<void> {
    checkFlags('register', options)
    const { oldKey = NO_KEY, ignore = false, aptpl = true } = options
    const action = ignore ? 'registerIgnore' : 'register'
    await this.#do({ action, key: keyFrom(oldKey), serviceKey: keyFrom(key), type: null, aptpl }, options)
  }

  /** Takes the registration of `key` away from every path of this engine. */
  async unregister(key: ReservationKey, word: OperatorWord = {}): Promise<void> {
    checkWord(word)
    await this.register(0n, { ...word, oldKey: key })
  }

  /** Makes a reservation. */
  async reserve(key: ReservationKey, type: ReservationType, word: OperatorWord = {}): Promise<void> {
    await this.#do(
      { action: 'reserve', key: keyFrom(key), serviceKey: NO_KEY, type: known(type), aptpl: false },
      word,
    )
  }

  /** Gives it back, with the path that it was made through up or down. */
  async release(key: ReservationKey, type: ReservationType, word: OperatorWord = {}): Promise<void> {
    await this.#do(
      { action: 'release', key: keyFrom(key), serviceKey: NO_KEY, type: known(type), aptpl: false },
      word,
    )
  }

  /**
   * Takes the registrations of `victim` away, and its reservation where it holds one. With one's own key as the victim it
   * changes the type of one's own reservation.
   */
  async preempt(
    key: ReservationKey,
    victim: ReservationKey,
    type: ReservationType,
    options: { readonly abort?: boolean } & OperatorWord = {},
  ): Promise<void> {
    checkFlags('preempt', options)
    const action = options.abort === true ? 'preemptAbort' : 'preempt'
    const wish = { action, key: keyFrom(key), serviceKey: keyFrom(victim), type: known(type) } as const
    await this.#do({ ...wish, aptpl: false }, options)
  }

  /** Takes every registration and the reservation away. */
  async clear(key: ReservationKey, word: OperatorWord = {}): Promise<void> {
    await this.#do({ action: 'clear', key: keyFrom(key), serviceKey: NO_KEY, type: null, aptpl: false }, word)
  }

  /** The generation, and a key for each path of each engine that is registered. */
  readKeys(): { readonly generation: number; readonly keys: readonly string[] } {
    const { generation, registrants } = this.#state
    return { generation, keys: registrants.map(({ key }) => key) }
  }

  /** The reservation; null when there is none. */
  readReservation(): ReservationInfo | null {
    const { type, holder } = this.#state
    if (type === null) return null
    const key = holder === null || isAllRegistrants(type) ? null : keyOf(this.#state, holder)
    return { type, key, holder }
  }

  /** Every path of every engine that is registered, with its key. */
  readFullStatus(): ReservationState['registrants'] {
    return this.#state.registrants
  }

  /** What the LUN can do: Linux's words for its types. */
  reportCapabilities(): { readonly types: readonly ReservationType[]; readonly aptpl: boolean } {
    const types = Object.keys(RESERVATION_TYPES) as ReservationType[]
    return { types, aptpl: this.#state.aptpl }
  }

  /**
   * PERSISTENT RESERVE IN or OUT as bytes. Resolves with the status byte (GOOD, RESERVATION CONFLICT, BUSY, or CHECK
   * CONDITION with its sense data) and the data; other commands are ILLEGAL REQUEST.
   */
  async execute(
    cdb: Uint8Array,
    dataOut: Uint8Array | null,
    word: OperatorWord = {},
  ): Promise<ReserveAnswer> {
    checkArguments('execute', { cdb, dataOut: dataOut ?? undefined }, { cdb: 'bytes', dataOut: 'bytes?' })
    try {
      if (cdb[0] === PERSISTENT_RESERVE_IN) return this.#readIn(cdb)
      if (cdb[0] !== PERSISTENT_RESERVE_OUT) return illegal(0x20, 'another operation code')
      const { action, type, key, serviceKey, aptpl } = parseReserveOut(cdb, dataOut)
      return outAnswer(await this.#run({ action, type, key, serviceKey, aptpl }, word))
    } catch (error) {
      if (hasCode(error, 'SCSI_MALFORMED') || hasCode(error, 'SCSI_TRUNCATED'))
        return illegal(0x24, error.why)
      throw error
    }
  }

  get #state(): ReservationState {
    return this.#head.lun.reservations.state
  }

  #readIn(cdb: Uint8Array): ReserveAnswer {
    const build = READ_IN[byteAt(cdb, 1) & 0x1f]
    if (build === undefined) return illegal(0x24, 'another service action')
    const allocation = byteAt(cdb, 7) * 0x100 + byteAt(cdb, 8)
    const data = allocated(build(this.#state), allocation)
    return { errno: null, status: GOOD, sense: null, data, why: 'done' }
  }

  async #do(wish: Wish, word: OperatorWord): Promise<void> {
    const outcome = await this.#run(wish, word)
    if (outcome.status !== 'GOOD') throw refusal(this.#head, wish, outcome)
  }

  async #run(wish: Wish, word: OperatorWord): Promise<Outcome> {
    checkArguments('A reservation command', { word }, { word: 'object' })
    const { actor, reason } = word
    checkWord({ actor, reason })
    const { core, paths } = this.#head
    if (core.broken !== null) return Promise.reject(core.broken)
    const live = paths.filter(lives)
    const [via] = live
    if (via === undefined) return Promise.reject(noPath(this.#head, wish))
    const origin = { actor: actor ?? 'operator', reason: reason ?? null }
    const names = live.map(({ hctl }) => hctl)
    return this.#head.lun.reservations.run(wish, via, names, origin)
  }
}

const READ_IN: Readonly<Record<number, (state: ReservationState) => Uint8Array>> = {
  [RESERVE_IN.keys]: buildKeys,
  [RESERVE_IN.reservation]: buildReservation,
  [RESERVE_IN.capabilities]: buildCapabilities,
  [RESERVE_IN.fullStatus]: buildFullStatus,
}

/** A command goes down a path that is not dead; its access state does not matter. */
function lives(path: PathRuntime): boolean {
  const { device, health, admin } = path.value
  return device === 'running' && (health === 'online' || health === 'marginal') && admin === 'enabled'
}

function outAnswer({ status, why }: Outcome): ReserveAnswer {
  const answer = { errno: null, sense: null, data: NOTHING, why }
  if (status === 'GOOD') return { ...answer, status: GOOD }
  if (status === 'CONFLICT') return { ...answer, status: RESERVATION_CONFLICT }
  if (status === 'BUSY') return { ...answer, status: BUSY }
  if (status === 'INVALID_RELEASE') return illegal(0x26, why, 0x04)
  return status === 'NO_RESOURCES' ? illegal(0x55, why, 0x04) : illegal(0x26, why)
}

const NOTHING = new Uint8Array(0)

function illegal(asc: number, why: string, ascq = 0): ReserveAnswer {
  const sense = buildFixedSense(senseOf(SENSE_KEYS.illegalRequest, asc, ascq))
  return { errno: null, status: CHECK_CONDITION, sense, data: NOTHING, why }
}

/** The switches of a command, beside who says so. */
function checkFlags(call: string, options: unknown): void {
  checkArguments(call, { options }, { options: 'object' })
  const { ignore, aptpl, abort } = options as Readonly<Record<string, unknown>>
  checkArguments(call, { ignore, aptpl, abort }, { ignore: 'flag?', aptpl: 'flag?', abort: 'flag?' })
}

function keyFrom(key: ReservationKey): string {
  if (typeof key === 'bigint' && key >= 0n && key <= 0xffff_ffff_ffff_ffffn) return keyText(key)
  if (typeof key === 'string' && /^0x[0-9a-f]{1,16}$/i.test(key)) return keyText(BigInt(key))
  throw new PathledgerError('RESERVATION_KEY', {
    message: `${shown(key)} is not a reservation key.`,
    why: "A key has 64 bits: a bigint, or '0x' and up to 16 hex digits.",
    todo: 'Use a key that identifies you.',
    errno: 'EINVAL',
  })
}

function known(type: ReservationType): ReservationType {
  if (typeof type === 'string' && Object.hasOwn(RESERVATION_TYPES, type)) return type
  throw new PathledgerError('RESERVATION_TYPE', {
    message: `${shown(type)} is not a reservation type.`,
    why: `The types are ${Object.keys(RESERVATION_TYPES).join(', ')}.`,
    todo: 'Use one of them.',
    errno: 'EINVAL',
  })
}

function noPath(head: HeadRuntime, { action }: Wish): PathledgerError {
  return new PathledgerError('RESERVATION_NO_PATH', {
    message: `${head.name}: ${action} has no live path.`,
    why: 'None of its paths is alive.',
    todo: 'Bring a path back, and try again.',
    errno: 'EWOULDBLOCK',
  })
}

function refusal(head: HeadRuntime, { action }: Wish, { status, why, state }: Outcome): PathledgerError {
  const message = `${head.name}: ${action} was answered with ${STATUS_WORDS[status] ?? status}.`
  const details = { status, generation: state.generation }
  if (status === 'BUSY') {
    const todo =
      'It is in force, but not every engine has confirmed it. Send the same command again, or look after the engine that is named.'
    return new PathledgerError('RESERVATION_BUSY', { message, why: `${why}.`, todo, errno: 'EBUSY', details })
  }
  if (status === 'CONFLICT') {
    const todo = 'Read the keys and the reservation, and decide who should have the LUN.'
    return new PathledgerError('RESERVATION_CONFLICT', { message, why, todo, errno: 'EBADE', details })
  }
  const todo = 'Nothing was changed. Correct the call.'
  return new PathledgerError('RESERVATION_REFUSED', { message, why, todo, errno: 'EINVAL', details })
}

const STATUS_WORDS: Readonly<Record<string, string>> = {
  BUSY: 'BUSY',
  CONFLICT: 'RESERVATION CONFLICT',
  INVALID_RELEASE: 'INVALID RELEASE OF PERSISTENT RESERVATION',
  INVALID_FIELD: 'INVALID FIELD IN PARAMETER LIST',
  NO_RESOURCES: 'INSUFFICIENT REGISTRATION RESOURCES',
}
