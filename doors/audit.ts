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
export { explain } from '../foreign/recorded/explain.ts'

// What a night is asked about first; of an engine's ledger as well as of one made from logs.
export { broughtBack, byPort, dark, firstFailure, notKnown, unusable } from '../foreign/recorded/questions.ts'
export type {
  DarkRow,
  FirstFailureRow,
  NotKnownRow,
  PortRow,
  Told,
  UnusableRow,
} from '../foreign/recorded/questions.ts'
export { incident } from '../foreign/recorded/incident.ts'
export type { Incident, IncidentStep } from '../foreign/recorded/incident.ts'
export type { BroughtBack } from '../foreign/answers/brought-back.ts'
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
export type { ErrorCode } from '../errors/codes.ts'

// What the above take and give, by name.
export type { StateValue } from '../machines/step.ts'
export type { Layer } from '../store/explain/types.ts'
export type { FollowOptions, Moment, SqlReader } from '../store/read/reader.ts'
export type { LedgerHeader } from '../store/rows/header.ts'
export type {
  Folded,
  Input,
  LedgerHead,
  LedgerListener,
  LedgerState,
  NewEvent,
  ReadQuery,
} from '../store/types.ts'
