// Read queries: checked, and what they mean. A filter we do not have is refused, not ignored.
import { z } from 'zod'
import { PathledgerError } from '../../errors.ts'
import { PAGE_ROWS } from '../limits.ts'
import type { ReadQuery, StoredEvent } from '../types.ts'

const querySchema = z.strictObject({
  stream: z.string().optional(),
  type: z.string().optional(),
  fromPosition: z.int().optional(),
  toPosition: z.int().optional(),
  fromTimeUs: z.int().optional(),
  toTimeUs: z.int().optional(),
  limit: z.int().min(1).max(PAGE_ROWS).optional(),
})

/** Throws QUERY_INVALID for a filter that does not exist or cannot be honoured, a limit over the page size included. */
export function checkQuery(query: ReadQuery): void {
  const parsed = querySchema.safeParse(query)
  if (parsed.success) return
  throw new PathledgerError('QUERY_INVALID', {
    message: 'This query cannot be answered.',
    why: `${parsed.error.issues.map(({ path, message }) => `${path.map(String).join('.')}: ${message}`).join('; ')}.`,
    todo: `Filter by stream, type, fromPosition, toPosition, fromTimeUs, toTimeUs, and by limit up to ${PAGE_ROWS}.`,
  })
}

/** Whether an event answers a checked query. */
export function matchesQuery(event: StoredEvent, query: ReadQuery): boolean {
  return (
    (query.stream === undefined || event.stream === query.stream) &&
    (query.type === undefined || event.type === query.type) &&
    (query.fromPosition === undefined || event.position >= query.fromPosition) &&
    (query.toPosition === undefined || event.position <= query.toPosition) &&
    (query.fromTimeUs === undefined || event.recordedAtUs >= query.fromTimeUs) &&
    (query.toTimeUs === undefined || event.recordedAtUs <= query.toTimeUs)
  )
}
