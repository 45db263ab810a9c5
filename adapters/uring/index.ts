// io_uring as the way to a path's bytes. What it guarantees, and when it is taken: docs/backends.md.
export { LIMITS_LOOK_MS, QUEUE_FULL_RETRY_MS, uringBackend } from './backend.ts'
export type { UringBackend, UringPorts } from './backend.ts'
export { COMPLETION_WAIT_MS, SPIN_TURNS } from './attention.ts'
export { FILE_IN_FLIGHT_MAX, IN_FLIGHT_MAX, inFlightLimit, QUEUE_RESERVE, readQueue } from './limits.ts'
export type { DeviceTakes, QueueFacts, UringLimits } from './limits.ts'
export { probeDescriptor, probeUring } from './probe.ts'
export type { DescriptorProbe, UringProbe } from './probe.ts'
