// What a target's answer to a read or a write means for the I/O: status byte and sense -> blk_status.
import type { BlkStatus } from '../../machines/words.ts'
import { BUSY, CHECK_CONDITION, GOOD, RESERVATION_CONFLICT } from './cdb.ts'
import { SENSE_KEYS, type Sense } from './sense.ts'

/** Additional sense codes of ILLEGAL REQUEST that say that the target itself cannot. */
const TARGET_CODES = new Set([0x20, 0x21, 0x22, 0x24, 0x26, 0x27])
const MEDIUM_CODES = new Set([0x11, 0x13, 0x14])
const TASK_SET_FULL = 0x28

/** The blk_status of a status byte with its sense data (null where there is none). Pure. */
export function blkStatusOf(status: number, sense: Sense | null): BlkStatus {
  if (status === GOOD) return 'OK'
  if (status === RESERVATION_CONFLICT) return 'RESV_CONFLICT'
  if (status === BUSY || status === TASK_SET_FULL) return 'AGAIN'
  if (status !== CHECK_CONDITION || sense === null) return 'IOERR'
  return ofSense(sense)
}

type Reading = (asc: number, ascq: number) => BlkStatus
const READINGS: Readonly<Record<number, Reading>> = {
  [SENSE_KEYS.noSense]: () => 'OK',
  [SENSE_KEYS.recovered]: () => 'OK',
  // Nothing was done. The same path takes it later, or the sense data takes the path out and it goes elsewhere.
  [SENSE_KEYS.unitAttention]: () => 'AGAIN',
  [SENSE_KEYS.notReady]: (asc, ascq) => (asc === 0x04 && ascq >= 0x0a && ascq <= 0x0c ? 'AGAIN' : 'IOERR'),
  [SENSE_KEYS.medium]: (asc) => (MEDIUM_CODES.has(asc) ? 'MEDIUM' : 'IOERR'),
  [SENSE_KEYS.illegalRequest]: (asc) =>
    asc === 0x10 ? 'PROTECTION' : TARGET_CODES.has(asc) ? 'TARGET' : 'IOERR',
  [SENSE_KEYS.dataProtect]: (asc, ascq) => (asc === 0x27 && ascq === 0x07 ? 'NOSPC' : 'IOERR'),
  [SENSE_KEYS.aborted]: (asc) => (asc === 0x10 ? 'PROTECTION' : 'IOERR'),
  [SENSE_KEYS.hardware]: () => 'TARGET',
  [SENSE_KEYS.copyAborted]: () => 'TARGET',
  [SENSE_KEYS.volumeOverflow]: () => 'TARGET',
  [SENSE_KEYS.miscompare]: () => 'TARGET',
  [SENSE_KEYS.blankCheck]: () => 'TARGET',
}

function ofSense({ key, asc, ascq }: Sense): BlkStatus {
  return READINGS[key]?.(asc, ascq) ?? 'IOERR'
}
