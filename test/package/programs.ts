// A program for each door of the package, written from that door alone, as a stranger would. They run in this order in one
// folder: the first makes the ledger that others read. No name of Node stands in them, since its types are a package of its own.

export interface Program {
  readonly door: string
  readonly text: string
  /** What its `answer` is. */
  readonly answers: unknown
}

export const PROGRAMS: readonly Program[] = [
  {
    door: 'pathledger',
    text: `
import { errorFilter, memoryLun, memoryPath, Multipath, PathledgerError, systemClock } from 'pathledger'
import type { Head, LiveEvent, MultipathOptions, Path, PathDevice } from 'pathledger'

const lun = memoryLun({ wwid: 'naa.600140505200a986f0043c9afa1fd077', sizeBytes: 1 << 20 })
const options: MultipathOptions = { ledger: 'mp.ledger', multipath: 'always', iopolicy: 'round-robin', ioTrace: 'full' }
const mp: Multipath = await Multipath.open(options)
const seen: string[] = []
const stop = mp.subscribe(({ event }: LiveEvent) => seen.push(event.type))
const device = (hctl: string): PathDevice => memoryPath(lun, { hctl, clock: systemClock })
const first = errorFilter(device('8:0:0:0'))
const path: Path = await mp.addPath(first.path)
await mp.addPath(device('9:0:0:0'))
const head: Head = mp.head(lun.wwid)
first.control.enable()
for (const turn of [1, 2, 3]) await head.write({ offset: 0, data: new Uint8Array(4096).fill(turn) })
const [byte] = await head.read({ offset: 0, length: 1 << 12 })
const health = path.state.health
const refused = await mp.addPath(device('9:0:0:0')).catch((error: unknown) => error)
stop()
await mp.close()
export const answer = [byte, health, refused instanceof PathledgerError && refused.code, seen.includes('path.failed')]
`,
    answers: [3, 'failed', 'PATH_DUPLICATE', true],
  },
  {
    door: 'pathledger/ledger',
    text: `
import { backupLedger, openLedgerReader, pages, stateAt, Stepper, verifyLedger } from 'pathledger/ledger'
import type { FileReader, LedgerState, StoredEvent, Verification } from 'pathledger/ledger'

const reader: FileReader = openLedgerReader('mp.ledger')
const failed: StoredEvent[] = [...pages(reader, { type: 'path.failed' })].flat()
const position = failed[0]?.position ?? 0
const state: LedgerState = stateAt(reader, { position })
const stepper = new Stepper(reader)
backupLedger('mp.ledger', 'copy.ledger')
const verified: Verification = verifyLedger('copy.ledger')
reader.close()
export const answer = [failed.length, Object.keys(state.streams).length > 3, stepper.position >= 0, verified.events > 0]
`,
    answers: [1, true, true, true],
  },
  {
    door: 'pathledger/audit',
    text: `
import { askSql, explain, failovers, openLedgerReader, topology } from 'pathledger/audit'
import type { Explanation, FailoverRow, SqlAnswer } from 'pathledger/audit'

const reader = openLedgerReader('mp.ledger')
const rows: FailoverRow[] = failovers(reader)
const stream = 'path/naa.600140505200a986f0043c9afa1fd077/8:0:0:0'
const [failed] = reader.read({ type: 'path.failed' })
const why: Explanation = explain(reader, { stream }, { position: failed?.position ?? 0 })
const sql: SqlAnswer = await askSql('mp.ledger', "SELECT count(*) AS n FROM events WHERE type = 'path.failed'")
reader.close()
export const answer = [rows.length, why.root?.kind, Object.values(sql.rows[0] ?? {})[0], typeof topology]
`,
    answers: [1, 'pathError', 1, 'function'],
  },
  {
    door: 'pathledger/scsi',
    text: `
import { buildFixedSense, buildInquiry, parseInquiry, parseSense, PathledgerError, SENSE_KEYS } from 'pathledger/scsi'
import type { InquiryData, Sense } from 'pathledger/scsi'

const disk: InquiryData = { deviceType: 0, tpgs: 1, vendor: 'ACME', product: 'DISK', revision: '1' }
const sense: Sense = { key: 0x02, asc: 0x04, ascq: 0x0b, deferred: false }
export const answer = [
  parseInquiry(buildInquiry(disk)).vendor,
  parseSense(buildFixedSense(sense)).ascq,
  typeof SENSE_KEYS,
  new PathledgerError('IO_ERROR', { message: 'm', why: 'w', todo: 't' }).code,
]
`,
    answers: ['ACME', 0x0b, 'object', 'IO_ERROR'],
  },
  {
    door: 'pathledger/simulate',
    text: `
import { openLedgerReader, PathledgerError, seededRandom, simulate, VirtualClock, whatIf } from 'pathledger/simulate'
import type { SimulateResult, WhatIf } from 'pathledger/simulate'

const run: SimulateResult = await simulate({ from: 1, to: 2, steps: 50 })
const reader = openLedgerReader('mp.ledger')
const otherwise: WhatIf | string = await whatIf(reader, { settings: { iopolicy: 'numa' } }).catch((error: unknown) =>
  error instanceof PathledgerError ? error.code : String(error),
)
reader.close()
// Four I/Os by the wall clock may be too few to be done again; then it says so.
const told = typeof otherwise === 'object' || otherwise === 'WHAT_IF_UNLIKE'
export const answer = [run.seeds, run.violations, told, new VirtualClock().monoUs() >= 0, seededRandom('a').nextUint32() >= 0]
`,
    answers: [2, [], true, true, true],
  },
]
