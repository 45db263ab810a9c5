// `pathledger`: the main door. Open an engine, give it devices, do I/O; filters to try it with, clocks and stores to test it
// with. Beside it stand `pathledger/ledger`, `/audit`, `/scsi` and `/simulate`. What none of the five exports is not public.

// An engine and what it puts into your hands.
export { Multipath } from './engine/multipath.ts'
export type { MemoryUse } from './engine/api/memory-use.ts'
export type { AddPathOptions } from './engine/attach/add-path.ts'
export { plainDevice, PlainDevice } from './engine/api/plain-device.ts'
export type { MultipathOptions, Ports } from './engine/assemble.ts'
export { Head } from './engine/api/head.ts'
export type { WriteOptions, RangeOptions, ReadOptions, WriteBytes } from './engine/api/io-options.ts'
export type { HeadBio } from './engine/api/head-bio.ts'
export { LentBuffer } from './engine/memory/lender.ts'
export { Reservations } from './engine/api/reservations.ts'
export type { ReservationReport } from './engine/views/reservation-report.ts'
export type { ReservationInfo, ReservationKey, ReserveAnswer } from './engine/api/reservations.ts'
export type { NexusName, ReservationType } from './machines/reservation/rules.ts'
export { Path } from './engine/api/path.ts'
export type { OperatorWord } from './engine/core/spoken.ts'
export type { GhostInfo } from './engine/api/ghost-info.ts'
export type { LiveEvent } from './engine/ledger/recorder.ts'
export { Partition } from './engine/api/partition.ts'
export type { PartitionOptions } from './engine/api/partition.ts'
export type {
  CommandOptions,
  CommandResult,
  DiskGeometry,
  IoctlOptions,
  IoctlResult,
} from './engine/api/pass-through.ts'
export { Adapter } from './engine/api/adapter.ts'
export type { HeadCounters, PathCounters } from './engine/accounting/counters.ts'
export type { DiskStat } from './engine/accounting/disk-stat.ts'
export type { CounterValues } from './engine/accounting/set-counters.ts'
export type { Log } from './engine/core/core.ts'
export type { Settings, SettingsInput } from './engine/core/settings.ts'
export { SysfsView } from './engine/views/sysfs/view.ts'
export type { SysfsTree } from './engine/views/sysfs/view.ts'
export { openTelemetry } from './engine/views/open-telemetry.ts'
export type { OtelSpan, OtelTime, OtelTracer } from './engine/views/open-telemetry.ts'
export type { Tracing } from './engine/accounting/trace.ts'
export { VERSION } from './engine/core/version.ts'
export { askEngine } from './adapters/control/client.ts'
export type { ControlRequest } from './adapters/control/frames.ts'
export type { WatchOptions } from './engine/attach/discovery.ts'
export type { SysfsEntry, SysfsMode } from './adapters/sysfs/entries.ts'
export type { NumaDistance } from './engine/core/numa.ts'
export { materialiseSysfs } from './adapters/sysfs/materialise.ts'

// What it is given: devices.
export { alignedBytes } from './adapters/aligned.ts'
export { virtualLun } from './adapters/paths/virtual-lun.ts'
export type { VirtualLun, VirtualLunSettings } from './adapters/paths/virtual-lun.ts'
export type { GroupSettings, VirtualTarget } from './adapters/scsi/virtual-target.ts'
export { attachLoop, detachLoop, listLoops, loopPath, loopSource } from './adapters/paths/loops.ts'
export type {
  AttachedLoop,
  AttachSettings,
  LoopListing,
  LoopPathSettings,
  LoopSourceSettings,
} from './adapters/paths/loops.ts'
export { kernelUevents } from './adapters/uevents/index.ts'
export { filePath } from './adapters/paths/file-path.ts'
export { memoryLun, memoryPath } from './adapters/paths/memory.ts'
export type { UniqueIdType } from './adapters/unique-id.ts'

// What it is given besides: faults to try it with, fences, clocks, chance.
export { fenceFromConfig } from './adapters/fence-command.ts'
export type {
  Heard,
  Uevents,
  DeviceSighting,
  DeviceSource,
  Clock,
  DeviceLimits,
  Fence,
  FenceTarget,
  Lun,
  NewId,
  PathDevice,
  Random,
} from './adapters/ports.ts'
export { errorFilter } from './adapters/filters/error.ts'
export { delayFilter } from './adapters/filters/delay.ts'
export { hangFilter } from './adapters/filters/hang.ts'
export { numaFromSysfs } from './adapters/numa.ts'
export type { NumaDistances, NumaMachine } from './adapters/numa.ts'
export { VirtualClock } from './adapters/virtual-clock.ts'
export { seededRandom } from './adapters/seeded-random.ts'
export { systemClock } from './adapters/system.ts'

// Its record, for the program beside it. All of it: `pathledger/ledger` and `pathledger/audit`.
export { whatIf } from './what-if/what-if.ts'
export type { DifferingIo, Divergence, RunFigures, WhatIf, WhatIfQuestion } from './what-if/what-if.ts'
export type { IoOutcome } from './what-if/rerun.ts'
export { correlated, failovers, flapping, outages } from './store/audit/index.ts'
export type {
  CorrelatedRow,
  FailoverRow,
  FlappingRow,
  OutageRow,
  PathRange,
  PositionRange,
  StreamRange,
} from './store/audit/index.ts'
export { explain } from './foreign/recorded/explain.ts'
export type { Explanation, ExplainLink, ExplainRoot, ExplainTarget, RootKind } from './store/explain/types.ts'
export type {
  StreamAt,
  LedgerState,
  LedgerReader,
  LedgerStore,
  ReadQuery,
  StoredEvent,
} from './store/types.ts'
export { memoryStore } from './store/write/memory-store.ts'
export type { MemoryStore, MemoryStoreOptions } from './store/write/memory-store.ts'
export { openLedgerReader } from './store/read/reader.ts'
export type { FileReader } from './store/read/reader.ts'
export { segmentLedger } from './engine/ledger-life.ts'
export { exportLedger, importLedger } from './store/life/ndjson.ts'
export type { ClosedSegment } from './store/life/segments.ts'
export { verifyLedger } from './store/verify/verify.ts'
export type { Verification } from './store/verify/verify.ts'

// Words and errors.
export { flagsOf, isAvailable, isDisabled, isOptimized } from './machines/predicates.ts'
export type { PathFlags } from './machines/predicates.ts'
export type {
  AccessState,
  Failback,
  HeadValue,
  IoPolicy,
  Loss,
  MultipathMode,
  NoPathRetry,
  PathValue,
  Quantum,
} from './machines/words.ts'
export { PathledgerError } from './errors.ts'
export type { ErrorCode } from './errors/codes.ts'

// What the above take and give, by name.
export type { DelayControl, DelayPorts, DelaySettings } from './adapters/filters/delay.ts'
export type { ErrorControl, ErrorPorts, ErrorSettings } from './adapters/filters/error.ts'
export type { HangControl, HangSettings } from './adapters/filters/hang.ts'
export type { Filtered } from './adapters/filters/wrap.ts'
export type { LoopCallSettings } from './adapters/helper/loops.ts'
export type { FilePathSettings } from './adapters/paths/file-path.ts'
export type { MemoryLun, MemoryLunSettings, MemoryPath, MemoryPathSettings } from './adapters/paths/memory.ts'
export type {
  Coherence,
  DeviceIoctl,
  DeviceIoctlAnswer,
  IdentityVerdict,
  IoBackend,
  IoDone,
  IoRequest,
  PathGeometry,
  PathGuarantees,
  ScsiAnswer,
  ScsiCommand,
  TimerHandle,
} from './adapters/ports.ts'
export type { SeededRandom } from './adapters/seeded-random.ts'
export type { SysfsSource } from './adapters/sysfs/materialise.ts'
export type { VirtualClockStart } from './adapters/virtual-clock.ts'
export type { WriteWhere } from './engine/api/io-options.ts'
export type { IoManner } from './engine/io/open-io.ts'
export type { Vector } from './engine/memory/vector.ts'
export type { Evidence } from './machines/events.ts'
export type { TraceMode } from './machines/head/trace-events.ts'
export type { Registrant, ReservationState } from './machines/reservation/rules.ts'
export type { StreamState } from './machines/step.ts'
export type { AdminState, DeviceState, HealthState, IoOp, LifeState, ServiceState } from './machines/words.ts'
export type { LedgerHeader } from './store/rows/header.ts'
