// The only file of adapters/ that reaches for the machine's own clock, randomness and ids. Everything else is handed them.
import { randomBytes, randomInt } from 'node:crypto'
import { readFileSync } from 'node:fs'
export { systemPid, systemStateFolder } from './pid.ts'
import type { Clock, NewId, Random, TimerHandle, Turns } from './ports.ts'

/** The longest delay setTimeout takes; beyond it Node fires after 1 ms. */
const TIMEOUT_MS_MAX = 0x7fff_ffff

const UINT32_RANGE = 0x1_0000_0000

/**
 * The machine's clock. `wallUs` moves in steps of a millisecond and follows whoever sets the machine's time;
 * `monoUs` counts from boot and never goes back. Timers never fire early and keep the process alive while armed.
 */
export const systemClock: Clock = {
  wallUs: () => Date.now() * 1000,
  monoUs,
  setTimer,
}

/** The event loop's own turns. */
export const systemTurns: Turns = {
  next: (call) => void setImmediate(call),
}

/** Unsigned 32-bit integers from the kernel's generator. */
export const systemRandom: Random = {
  nextUint32: () => randomInt(UINT32_RANGE),
}

/** Bytes of chance in front of an engine's ids: two of ten thousand runs have the same with odds of one in five million. */
const RUN_BYTES = 6

/** Sixty-two digits in the order of their bytes. */
const DIGITS = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
/** Digits of a count, at least: fourteen million ids of one run have no more, and so many sort as they were given. */
const COUNT_DIGITS = 4

/**
 * Ids that no other call gives: six random bytes for the caller, and a count. They are a third as long as a UUID and grow in
 * order, so that a ledger's index of ids is a third of the size and written at its end.
 */
export function systemIds(): NewId {
  const run = randomBytes(RUN_BYTES).toString('base64url')
  let made = 0
  return () => {
    made += 1
    return countedId(run, made)
  }
}

/** The id of a run, whose name has always as many characters, and a count. */
export function countedId(run: string, count: number): string {
  let digits = ''
  for (let rest = count; rest > 0; rest = Math.floor(rest / DIGITS.length)) {
    digits = DIGITS.charAt(rest % DIGITS.length) + digits
  }
  return run + digits.padStart(COUNT_DIGITS, '0')
}

/**
 * Names this run of the kernel: it changes at every boot, so monotonic times of two boots are never compared. The first
 * eight digits of the kernel's boot_id, enough to tell a boot from the next one and short enough for every row of a ledger.
 * 'unknown' where the kernel does not say.
 */
export function readBootId(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim().slice(0, 8) || 'unknown'
  } catch {
    return 'unknown'
  }
}

/** Microseconds from boot to where performance.now() begins: both count by the same clock. */
const ORIGIN_US = Number(process.hrtime.bigint() / 1000n) - Math.round(performance.now() * 1000)

/** Called for each I/O: hrtime.bigint() would make a BigInt of each. */
function monoUs(): number {
  return ORIGIN_US + Math.floor(performance.now() * 1000)
}

function setTimer(dueMonoUs: number, fire: () => void): TimerHandle {
  let timeout = arm()
  function arm(): NodeJS.Timeout {
    const waitMs = Math.ceil((dueMonoUs - monoUs()) / 1000)
    return setTimeout(expire, Math.max(0, Math.min(waitMs, TIMEOUT_MS_MAX)))
  }
  // Node may fire up to a millisecond early, and a long wait comes in pieces: look at the clock, not at the event.
  function expire(): void {
    if (monoUs() < dueMonoUs) timeout = arm()
    else fire()
  }
  return { cancel: () => clearTimeout(timeout) }
}
