// What every engine of a LUN must see: attempts that may still land, and who has its paths. Types only.

/** An attempt that ended without proof: its write may still change the medium. */
export interface LunGhost {
  /** Unique for ever. */
  readonly id: string
  /** The engine that opened it. */
  readonly engine: string
  /** H:C:I:L of its path, and in which life of the path it was sent. */
  readonly path: string
  readonly incarnation: number
  readonly op: string
  /** Bytes; an unclean start makes a ghost of the whole LUN. */
  readonly offset: number
  readonly length: number
  readonly reason: string
  /** Wall clock, microseconds. */
  readonly openedAtUs: number
  readonly bootId: string
}

/** A path that an engine holds, or held when it died. */
export interface LunAttachment {
  readonly engine: string
  readonly path: string
  readonly incarnation: number
  readonly device: string
  readonly bootId: string
}

/** What the LUN's storage holds now. */
export interface LunContents {
  readonly ghosts: readonly LunGhost[]
  readonly attachments: readonly LunAttachment[]
}

/** Storage of one LUN, shared by every engine of it. Writes resolve when they are durable. */
export interface LunStore {
  load(): LunContents
  /** True when another engine has written since the last `load`; cheap enough to ask before every write. */
  changed(): boolean
  openGhosts(ghosts: readonly LunGhost[]): Promise<void>
  endGhosts(ids: readonly string[]): Promise<void>
  attach(attachment: LunAttachment): Promise<void>
  detach(engine: string, path: string): Promise<void>
  /** Whether an engine is alive: holds its claim on this storage. */
  isAlive(engine: string): boolean
  close(): Promise<void>
}
