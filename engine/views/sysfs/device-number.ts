// Major and minor numbers of disks as the kernel's sd computes them from a disk's index.

/** Minors of one disk: the whole of it and 15 partitions. */
const MINORS = 16
/** Majors that sd owns: 8, then 65 to 71, then 128 to 135. */
const FIRST_MAJOR = 8
const SECOND_MAJOR = 65
const THIRD_MAJOR = 128

/** 'major:minor' of a disk: '8:32' for index 2, which is sdc. */
export function deviceNumber(index: number): string {
  const major = majorOf((index & 0xf0) >> 4)
  const minor = (index & 0xf) * MINORS + (index & 0xfff00)
  return `${major}:${minor}`
}

function majorOf(slot: number): number {
  if (slot === 0) return FIRST_MAJOR
  return slot < 8 ? SECOND_MAJOR + slot - 1 : THIRD_MAJOR + slot - 8
}
