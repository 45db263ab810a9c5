// The error filter: I/O fails without reaching the path. Manual: docs/filters/error.md.
import { checkFields } from '../../errors/arguments.ts'
import { checkDevice } from '../scsi/device-shape.ts'
import type { BlkStatus } from '../../machines/words.ts'
import type { FilterControl, IoDone, IoRequest, PathDevice, Random } from '../ports.ts'
import { notAnswered } from '../scsi/answers.ts'
import { actsOn, checkErrno, checkOp, checkSetting, extendSwitch, filterSwitch, wrapPath } from './wrap.ts'
import type { Filtered, FilteredOp } from './wrap.ts'

/** A rate of one in one. */
const PER_MILLION = 1_000_000

const UINT32_RANGE = 0x1_0000_0000

/** Which I/O fails, and how. */
export interface ErrorSettings {
  /** The error's name. */
  readonly errno: string
  /** What the target says of it (sense data); null when only `errno` is known. */
  readonly status: BlkStatus | null
  readonly op: FilteredOp
  /** Of a million matching I/Os, how many fail on average. */
  readonly ratePerMillion: number
  /** Errors to give before the filter turns itself off; null for no end. */
  readonly count: number | null
  /** Bytes: only I/O that touches this range fails, so no flush does; null for everywhere. */
  readonly range: { readonly offset: number; readonly length: number } | null
}

/** The switch of an error filter, and its count. */
export interface ErrorControl extends FilterControl<ErrorSettings> {
  /** Errors given since the filter was made. */
  readonly failed: number
}

/** What an error filter is handed. */
export interface ErrorPorts {
  /** Needed when the rate is below 1,000,000. */
  readonly random?: Random
}

const DEFAULTS: ErrorSettings = {
  errno: 'EIO',
  status: null,
  op: 'all',
  ratePerMillion: PER_MILLION,
  count: null,
  range: null,
}

/**
 * Puts an error filter around `inner`, off unless `active`. While on, matching I/O completes with the error in the
 * next microtask and `inner` never sees it. Throws FILTER_SETTING for settings that cannot be.
 */
export function errorFilter(
  inner: PathDevice,
  settings: Partial<ErrorSettings> & { readonly active?: boolean } = {},
  ports: ErrorPorts = {},
): Filtered<ErrorControl> {
  checkDevice('errorFilter', inner)
  checkFields('errorFilter', 'settings', settings, { active: 'flag?' })
  const { active = false, ...given } = settings
  checkFields('errorFilter', 'ports', ports, { random: 'object?' })
  const { random } = ports
  if (random !== undefined) checkFields('errorFilter', 'random', random, { nextUint32: 'call' })
  let failed = 0
  let left = Infinity
  const onOff = filterSwitch<ErrorSettings>({
    settings: { ...DEFAULTS, ...given },
    active,
    check: (next) => check(next, random),
    onEnable: recount,
  })
  recount()

  function recount(): void {
    left = onOff.settings.count ?? Infinity
  }

  function strikes(request: IoRequest): boolean {
    const { op, range, ratePerMillion } = onOff.settings
    if (!onOff.active || !actsOn(op, request) || !touches(range, request)) return false
    if (isCertain(ratePerMillion) || random === undefined) return ratePerMillion > 0
    // Both products are below 2^53, so this compares exactly.
    return random.nextUint32() * PER_MILLION < ratePerMillion * UINT32_RANGE
  }

  function submit(request: IoRequest, done: IoDone): void {
    if (!strikes(request)) {
      inner.submit(request, done)
      return
    }
    const { errno, status } = onOff.settings
    failed += 1
    left -= 1
    if (left === 0) onOff.disable()
    queueMicrotask(() => done({ errno, status, bytes: 0 }))
  }

  /** A filter on everything, everywhere and always: then commands do not get through either. */
  const command: PathDevice['command'] = (sent, done) => {
    const { op, range, ratePerMillion, errno } = onOff.settings
    const strikesAll = onOff.active && op === 'all' && range === null && ratePerMillion === PER_MILLION
    if (!strikesAll) return inner.command?.(sent, done)
    queueMicrotask(() => done(notAnswered(errno)))
  }

  const counts = {
    get failed() {
      return failed
    },
  }
  return { path: wrapPath(inner, submit, command), control: extendSwitch(onOff, counts) }
}

function touches(range: ErrorSettings['range'], { offset, length }: IoRequest): boolean {
  return range === null || (offset < range.offset + range.length && range.offset < offset + length)
}

function check(settings: ErrorSettings, random: Random | undefined): void {
  const { errno, op, ratePerMillion, count, range } = settings
  checkErrno('error', errno)
  checkOp('error', op)
  const rateFits = isCount(ratePerMillion) && ratePerMillion <= PER_MILLION
  checkSetting(rateFits, 'error', 'ratePerMillion', ratePerMillion, 'an integer from 0 to 1,000,000')
  const drawn = 'given together with the random port when it is between 0 and 1,000,000'
  checkSetting(
    isCertain(ratePerMillion) || random !== undefined,
    'error',
    'ratePerMillion',
    ratePerMillion,
    drawn,
  )
  checkSetting(count === null || (isCount(count) && count > 0), 'error', 'count', count, 'an integer above 0')
  const rangeFits = range === null || (isCount(range.offset) && isCount(range.length) && range.length > 0)
  checkSetting(rangeFits, 'error', 'range', range, 'an offset of 0 or more with a length above 0')
}

/** All or nothing: no number need be drawn. */
function isCertain(ratePerMillion: number): boolean {
  return ratePerMillion === 0 || ratePerMillion === PER_MILLION
}

function isCount(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0
}
