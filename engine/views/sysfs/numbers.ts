// Numbers as the kernel reads them from an attribute (kstrtouint, kstrtoul with base 0).
import { PathledgerError } from '../../../errors.ts'

/** What kstrtouint takes at most. */
export const UINT_MAX = 0xffff_ffff

/**
 * An unsigned whole number: decimal, 0x.. hexadecimal or 0.. octal, perhaps with a plus, perhaps with one newline at the
 * end. Throws SYSFS_VALUE: EINVAL for what is no number, ERANGE for one above `max`.
 */
export function parseUnsigned(text: string, max: number): number {
  const digits = text.replace(/\n$/, '').replace(/^\+/, '')
  const literal = literalOf(digits)
  if (literal === null) throw refused(text, 'EINVAL', 'It is no unsigned whole number.')
  const value = BigInt(literal)
  if (value > BigInt(max)) throw refused(text, 'ERANGE', `It is above ${max}.`)
  return Number(value)
}

/** The same number as JavaScript writes it, or null. */
function literalOf(digits: string): string | null {
  if (/^0x[0-9a-f]+$/i.test(digits)) return digits
  if (/^0[0-7]*$/.test(digits)) return digits === '0' ? '0' : `0o${digits}`
  return /^[1-9][0-9]*$/.test(digits) ? digits : null
}

/** What an attribute does not take. */
export function refused(text: string, errno: 'EINVAL' | 'ERANGE', why: string): PathledgerError {
  return new PathledgerError('SYSFS_VALUE', {
    message: `${JSON.stringify(text).slice(0, 80)} is not a value of this attribute.`,
    why,
    todo: 'Nothing was changed.',
    errno,
  })
}
