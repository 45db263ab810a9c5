// What an explanation is made of. Types only.
import type { StateValue } from '../../machines/step.ts'

/** What is to be explained: a path or head by its stream, or one I/O by its number. */
export type ExplainTarget =
  | { readonly stream: string }
  | {
      readonly io: number
      /** The head's stream; needed where several heads are on the ledger. */ readonly head?: string
    }

/** One step of the way from the symptom back to the first evidence. */
export interface ExplainLink {
  readonly position: number
  readonly recordedAtUs: number
  readonly stream: string
  readonly type: string
  /** The step in a sentence. */
  readonly says: string
}

/** What is to blame: the layer in which to look first. */
export type Layer = 'path' | 'adapter' | 'target' | 'medium' | 'host' | 'operator' | 'ledger' | 'none'

/** What kind of thing stands at the beginning. */
export type RootKind =
  /** An I/O or a probe on a path was answered with an error, or not at all. */
  | 'pathError'
  /** Another device stands where the path was. */
  | 'identity'
  /** It answered, and later than others: no limit was met. */
  | 'slow'
  /** It answers nothing while another path does: it hangs rather than fails, and no limit was met yet. */
  | 'silent'
  /** The target answered alike through every path, or said itself that it was its own error. */
  | 'lunError'
  /** Somebody who is neither the engine nor its checker. */
  | 'operator'
  /** The target's word on the access state of a path. */
  | 'accessState'
  /** No path got an answer about the target's port groups. */
  | 'noAnswer'
  /** The transport, or what drives the device. */
  | 'deviceState'
  /** A timer that ran out. */
  | 'timer'
  /** The engine started, stopped or broke. */
  | 'engine'
  /** An attempt that may still land holds newer writes up. */
  | 'ghost'
  /** Acknowledged writes lie where no flush reaches them. */
  | 'notDurable'
  /** A reservation of the LUN, which another engine may hold. */
  | 'reservation'
  /** A device was found and not taken as a path. */
  | 'refused'
  /** The ledger took no events. */
  | 'ledger'
  /** The ledger before this one, which this one goes on from: it has the evidence. */
  | 'earlierSegment'
  /** On lines of a host: a link, a session, a remote port or a controller on the way to the path. */
  | 'port'
  /** On lines of a host: none of them tells what it came from. */
  | 'unknown'
  /** Nothing has gone wrong as far as the ledger tells. */
  | 'nothing'

/** The first evidence that the engine had. What it does not tell of is null. */
export interface ExplainRoot {
  readonly kind: RootKind
  readonly position: number | null
  readonly stream: string | null
  readonly errno: string | null
  readonly status: string | null
  readonly op: string | null
  readonly offset: number | null
  readonly length: number | null
  /** H:C:I:L of the path, and which of its lives. */
  readonly path: string | null
  readonly incarnation: number | null
  /** The timer that ran out between the first evidence and the symptom, where one did. */
  readonly timer: string | null
  readonly actor: string | null
  readonly reason: string | null
}

/** Why something is as it is: from the symptom to the first evidence, in sentences and for programs. */
export interface Explanation {
  /** 'sda:0', 'sda', 'I/O 17 of sda'. */
  readonly subject: string
  readonly position: number
  readonly recordedAtUs: number
  /** State of the path or head then; null for an I/O, and for a device that never became a path. */
  readonly state: StateValue | null
  /** True while it goes on; false when it is over and told as the last trouble there was. */
  readonly now: boolean
  readonly symptom: string
  /** From the symptom back to the first evidence. */
  readonly chain: readonly ExplainLink[]
  readonly root: ExplainRoot
  /** Where to look first. */
  readonly layer: Layer
  /** How sure that is: what the evidence excludes, and what it leaves open. '' where nothing is wrong. */
  readonly certainty: string
  /** What to do about it. */
  readonly advice: string
  /** What else matters: other reasons that hold, other paths that went down with it. */
  readonly also: readonly string[]
}
