// What an append may demand of a stream.
import type { ExpectedVersion } from '../types.ts'

/**
 * Whether a stream whose last version is `current` (0: it has no events) is as expected. Pure.
 * A number is that version, 'none' no events yet, 'exists' at least one, 'any' is always true.
 */
export function matchesExpectedVersion(current: number, expected: ExpectedVersion): boolean {
  if (expected === 'any') return true
  if (expected === 'none') return current === 0
  if (expected === 'exists') return current > 0
  return current === expected
}

/** True for a value that is an {@link ExpectedVersion}: input from outside is not typed. */
export function isExpectedVersion(value: unknown): value is ExpectedVersion {
  if (value === 'any' || value === 'none' || value === 'exists') return true
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0
}
