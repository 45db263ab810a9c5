// `npm run bench -- ledger`: what the ledger costs and how fast it answers, with the full chain and synchronous=FULL.
import { mkdtempSync, rmSync } from 'node:fs'
import { availableParallelism, cpus, loadavg, release, tmpdir } from 'node:os'
import { join } from 'node:path'
import { foldAll, Redecider, stateAt } from '../../store/state/fold.ts'
import { openLedgerReader, type FileReader } from '../../store/read/reader.ts'
import { verifyChain } from '../../store/verify/verify.ts'
import { measureAppends, type AppendReport } from './appending.ts'
import { makeLongLedger } from './long.ts'
import { askAll, questions, type QuestionKind } from './questions.ts'
import { median, perSecond, round, timed } from './timing.ts'

export interface LedgerSettings {
  /** Events of the long ledger. */
  readonly events: number
  /** Where it is made; the folder of temporary files unless said otherwise. */
  readonly folder?: string
}

/** What was measured; the names are those of the issue, whatever the number of events was: `events` says it. */
export interface LedgerReport extends AppendReport {
  readonly events: number
  readonly machine: string
  readonly fold_per_s: number
  readonly redecide_per_s: number
  /** Share of the decisions that a machine was asked for: the others were known. */
  readonly redecide_asked: number
  readonly verify_chain_per_s: number
  readonly state_at_10M_ms: number
  readonly audit_10M_ms: Readonly<Record<string, number>>
  readonly audit_kinds: Readonly<Record<string, QuestionKind>>
  readonly caches_per_s: number
  readonly bytes_per_event: number
}

/** Events that are folded and decided again. */
const FOLDED = 1_000_000

/** Runs the benchmark. Ten million events take some eight minutes and six gigabytes. */
export async function benchLedger(settings: LedgerSettings): Promise<LedgerReport> {
  const { events } = settings
  const folder = mkdtempSync(join(settings.folder ?? tmpdir(), 'pathledger-bench-'))
  try {
    const appended = await measureAppends(folder)
    const file = join(folder, 'long.ledger')
    const made = makeLongLedger(file, events)
    const chain = timed(() => {
      const { firstBad, why } = verifyChain(file)
      if (firstBad !== null) throw new Error(why)
    })
    const reader = openLedgerReader(file)
    const asked = questions(reader)
    const report = {
      events,
      machine: `${availableParallelism()} processors (${cpus()[0]?.model ?? ''}), Linux ${release()}, Node ${process.versions.node}`,
      ...appended,
      ...decided(reader, Math.min(events, FOLDED)),
      verify_chain_per_s: perSecond(events, chain),
      state_at_10M_ms: statesAt(reader, events),
      audit_10M_ms: askAll(asked),
      audit_kinds: Object.fromEntries(asked.map(({ name, kind }) => [name, kind])),
      ...made,
    }
    reader.close()
    return { ...report, machine: `${report.machine}; load average ${loadavg().map(round).join(', ')}` }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function decided(reader: FileReader, count: number) {
  const fold = timed(() => foldAll(reader, { toPosition: count, snapshots: false }))
  const redecider = new Redecider()
  const redecide = timed(() => redecider.decideAll(reader, count))
  return {
    fold_per_s: perSecond(count, fold),
    redecide_per_s: perSecond(count, redecide),
    redecide_asked: round(redecider.counts.asked / count),
  }
}

function statesAt(reader: FileReader, events: number): number {
  const times = Array.from({ length: 21 }, (_, at) => {
    // Not where a snapshot is: as far behind one as half of the time.
    const position = Math.max(1, events - Math.floor((events * at) / 40) - 5_003)
    return timed(() => stateAt(reader, { position }))
  })
  return round(median(times))
}
