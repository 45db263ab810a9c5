// What a LUN's file says is looked at before it is believed: whoever can write the file is not thereby our author.
import { z } from 'zod'
import { GHOST_REASONS } from '../../machines/lun/events.ts'
import { reservationState } from '../../machines/reservation/events.ts'
import type { ReservationState } from '../../machines/reservation/rules.ts'
import { IO_OPS } from '../../machines/words.ts'
import type { LunAttachment, LunGhost, LunMedium } from './types.ts'

/** As long as a word on the ledger may be. */
const word = z.string().min(1).max(512)
const whole = z.int().min(0)

const attachName = {
  attach: word,
  device: z.string().max(4096),
  deviceKey: z.string().max(512),
  final: z.int().min(0).max(1),
}

const ghosts: z.ZodType<LunGhost[]> = z.array(
  z.strictObject({
    ...attachName,
    id: word,
    engine: word,
    path: word,
    incarnation: whole,
    op: z.enum(IO_OPS),
    offset: whole,
    length: whole,
    reason: z.enum(GHOST_REASONS),
    openedAtUs: whole,
    bootId: word,
  }),
)
const attachments: z.ZodType<LunAttachment[]> = z.array(
  z.strictObject({ ...attachName, engine: word, path: word, incarnation: whole, bootId: word }),
)

const media: z.ZodType<LunMedium[]> = z.array(
  z.strictObject({ name: z.string().min(1).max(4096), inode: word, bootId: word, engine: word }),
)

/** The ghosts of the file. Throws for rows that no engine of ours writes. */
export function checkedGhosts(rows: unknown): readonly LunGhost[] {
  return checked(ghosts, rows, 'ghosts')
}

/** The attachments of the file. Throws for rows that no engine of ours writes. */
export function checkedAttachments(rows: unknown): readonly LunAttachment[] {
  return checked(attachments, rows, 'attachments')
}

/** What the file says its paths rested on. Throws for rows that no engine of ours writes. */
export function checkedMedia(rows: unknown): readonly LunMedium[] {
  return checked(media, rows, 'media')
}

/** The reservations of the file, which has them as JSON. Throws for what the rules would never make. */
export function checkedReservation(text: string): ReservationState {
  return checked<ReservationState>(reservationState, jsonOf(text), 'reservations')
}

function checked<Value>(schema: z.ZodType<Value>, rows: unknown, what: string): Value {
  const parsed = schema.safeParse(rows)
  if (parsed.success) return parsed.data
  throw new Error(`its ${what} are not what an engine writes: ${z.prettifyError(parsed.error).slice(0, 400)}`)
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}
