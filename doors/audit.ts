// `pathledger/audit`: questions to a ledger. What happened to whom and for how long, why, and anything else in SQL.
export {
  availability,
  blockPath,
  changes,
  correlated,
  failovers,
  flapping,
  ghosts,
  invariants,
  ioByInterval,
  ioByPath,
  outages,
  pathHistory,
  reservations,
  timeInState,
  timers,
  topology,
} from '../store/audit/index.ts'
export type {
  AvailabilityRow,
  BlockPathRow,
  ChangeRow,
  CorrelatedRow,
  FailoverRow,
  FlappingRow,
  GhostRow,
  InvariantRow,
  IoByIntervalRow,
  IoByPathRow,
  OutageRow,
  PathHistoryRow,
  PathRange,
  PositionRange,
  ReservationRow,
  StreamRange,
  TimeInStateRow,
  TimerRow,
  TopologyRow,
} from '../store/audit/index.ts'
export { explain } from '../store/explain/explain.ts'
export type {
  Explanation,
  ExplainLink,
  ExplainRoot,
  ExplainTarget,
  RootKind,
} from '../store/explain/types.ts'
export { askSql } from '../store/sql/ask.ts'
export type { SqlAnswer, SqlBounds } from '../store/sql/ask.ts'

// What they are asked of.
export { openLedgerReader } from '../store/read/reader.ts'
export type { FileReader } from '../store/read/reader.ts'
export type { LedgerReader, StoredEvent } from '../store/types.ts'

export { PathledgerError } from '../errors.ts'
