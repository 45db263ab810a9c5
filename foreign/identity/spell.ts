// Names that follow from one another by arithmetic: sdX and its number, wwids in their several spellings.

const SD_MAJORS = [8, 65, 66, 67, 68, 69, 70, 71, 128, 129, 130, 131, 132, 133, 134, 135]
const DISKS_PER_MAJOR = 16
const MINORS_PER_DISK = 16
const DISKS_OF_ALL_MAJORS = SD_MAJORS.length * DISKS_PER_MAJOR

/** 'sdb' to '8:16'; null where the name is no whole SCSI disk. */
export function devtOf(dev: string): string | null {
  const letters = /^sd([a-z]{1,5})$/.exec(dev)?.[1]
  if (letters === undefined) return null
  let index = 0
  for (const letter of letters) index = index * 26 + letter.charCodeAt(0) - 96
  index -= 1
  const round = Math.floor(index / DISKS_OF_ALL_MAJORS)
  const within = index % DISKS_OF_ALL_MAJORS
  const major = SD_MAJORS[Math.floor(within / DISKS_PER_MAJOR)]
  return `${String(major)}:${(within % DISKS_PER_MAJOR) * MINORS_PER_DISK + round * 256}`
}

/** '8:16' to 'sdb'; null where the number is of no whole SCSI disk. */
export function devOf(devt: string): string | null {
  const [major = 0, minor = 0] = devt.split(':').map(Number)
  const majorIndex = SD_MAJORS.indexOf(major)
  if (majorIndex < 0 || minor % MINORS_PER_DISK !== 0) return null
  const round = Math.floor(minor / 256)
  let index = round * DISKS_OF_ALL_MAJORS + majorIndex * DISKS_PER_MAJOR + (minor % 256) / MINORS_PER_DISK
  let letters = ''
  for (index += 1; index > 0; index = Math.floor((index - 1) / 26)) {
    letters = String.fromCharCode(97 + ((index - 1) % 26)) + letters
  }
  return `sd${letters}`
}

/** `3` and 16 or 32 digits is an NAA name, `2` and 16 an EUI-64; everything else stays as it is written. */
export function wwidOf(written: string): string {
  if (/^3(?:[0-9a-f]{16}|[0-9a-f]{32})$/i.test(written)) return `naa.${written.slice(1).toLowerCase()}`
  if (/^2[0-9a-f]{16}$/i.test(written)) return `eui.${written.slice(1).toLowerCase()}`
  return written
}

/** An alias may be the wwid itself. */
export function isWwid(name: string): boolean {
  return wwidOf(name) !== name || /^(?:naa|eui|nvme|uuid)\./.test(name)
}
