// What goes from one part of reading to the next: line, statement, fact. Plain data; nothing here decides anything.

/** Which line of which source. Lines count from 1; an entry of a journal in JSON is a line of its own. */
export type LineRef = readonly [source: number, line: number]

/** A stamp as it stands in a line: not yet a time, since the year or the zone may be missing. */
export interface Stamp {
  /** Microseconds since 1970 where the line says all: zone or UTC. */
  readonly us: number | null
  /** The wall clock's reading as microseconds since 1970 as if it were UTC; the year may be `null`ed to 1972 (`yearless`). */
  readonly wallUs: number | null
  readonly yearless: boolean
  /** Microseconds since boot. */
  readonly monoUs: number | null
  readonly precisionUs: number
  /** Computed from uptime when it was printed: never to be trusted alone. */
  readonly approximate: boolean
  /** Where the zone came from: 'stated', 'assumed', or 'none'. */
  readonly zone: 'stated' | 'assumed' | 'none'
}

/** One line out of its envelope. */
export interface Line {
  readonly stamp: Stamp | null
  readonly host: string | null
  readonly program: string | null
  readonly pid: string | null
  readonly text: string
  readonly boot: string | null
  /** `_KERNEL_DEVICE` or DEVICE=: '+scsi:1:0:4:2', 'b8:96', '+nvme:nvme1'. */
  readonly device: string | null
  readonly cursor: string | null
  readonly form: string
}

/** What a template found in a line. */
export interface Statement {
  readonly template: string
  readonly says: string
  /** Named parts of the text. */
  readonly fields: Readonly<Record<string, string>>
}

/** A statement on the one time line of its host. */
export interface Placed {
  readonly statement: Statement
  readonly host: string
  /** Microseconds since 1970; since boot where no wall clock is known; null for a snapshot without a date. */
  readonly atUs: number | null
  readonly monoUs: number | null
  readonly boot: string | null
  readonly precisionUs: number
  /** The first is the line itself, the others are copies of it in other files. */
  readonly lines: LineRef[]
  readonly program: string
  readonly device: string | null
  readonly zone: 'stated' | 'assumed' | 'none' | 'given'
  readonly approximate: boolean
}

export type SubjectKind = 'path' | 'map' | 'adapter' | 'rport' | 'session' | 'daemon' | 'host' | 'log'

/** Who a fact is about. What no line tells is null. */
export interface Subject {
  readonly kind: SubjectKind
  readonly [name: string]: string | number | null | undefined
}

export interface Fact {
  readonly atUs: number | null
  readonly host: string
  readonly what: string
  subject: Subject
  detail: Record<string, unknown>
  cause: Fact | null
  rule: string | null
  readonly lines: LineRef[]
  /** Position of its first line on the time line: orders facts of one instant. */
  readonly order: number
  readonly actor: string
  readonly precisionUs: number
  readonly monoUs: number | null
  readonly boot: string | null
  readonly zone: Placed['zone']
  lastUs: number | null
}
