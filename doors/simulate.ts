// `pathledger/simulate`: an engine in a world that a program makes: seeds full of faults, a history again with other settings,
// and time and chance that only move when they are told to.
export { simulate, simulateSeed } from '../simulation/simulate.ts'
export type { SeedResult, SimulateOptions, SimulateResult } from '../simulation/simulate.ts'
export type { Violation } from '../simulation/invariants.ts'
export { whatIf } from '../what-if/what-if.ts'
export type { DifferingIo, Divergence, RunFigures, WhatIf, WhatIfQuestion } from '../what-if/what-if.ts'
export type { IoOutcome } from '../what-if/rerun.ts'
export type { SettingsInput } from '../engine/core/settings.ts'
export { VirtualClock } from '../adapters/virtual-clock.ts'
export { seededRandom } from '../adapters/seeded-random.ts'
export type { Clock, Random } from '../adapters/ports.ts'

// What a history is read from.
export { openLedgerReader } from '../store/read/reader.ts'
export type { FileReader } from '../store/read/reader.ts'
export type { LedgerReader } from '../store/types.ts'

export { PathledgerError } from '../errors.ts'
export type { ErrorCode } from '../errors/codes.ts'

// What the above take and give, by name.
export type { TimerHandle } from '../adapters/ports.ts'
export type { SeededRandom } from '../adapters/seeded-random.ts'
export type { VirtualClockStart } from '../adapters/virtual-clock.ts'
export type { FollowOptions, Moment, SqlReader } from '../store/read/reader.ts'
export type { LedgerHeader } from '../store/rows/header.ts'
export type {
  Folded,
  Input,
  LedgerHead,
  LedgerListener,
  LedgerState,
  ReadQuery,
  StoredEvent,
} from '../store/types.ts'
