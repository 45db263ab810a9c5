// Offsets of the world's time zones, out of the runtime's own data.

const HOUR_MS = 3_600_000

/** Offsets of a zone by its name in the world's list; null where there is no such zone. */
export function zoneData(name: string): ((us: number) => number) | null {
  const format = formatOf(name)
  if (format === null) return null
  const known = new Map<number, number>()
  return (us) => {
    // Zones change at quarters of an hour at the finest.
    const quarter = Math.floor(us / 1000 / (HOUR_MS / 4)) * (HOUR_MS / 4)
    let minutes = known.get(quarter)
    if (minutes === undefined) {
      minutes = offsetOf(format, quarter)
      known.set(quarter, minutes)
    }
    return minutes
  }
}

function formatOf(timeZone: string): Intl.DateTimeFormat | null {
  try {
    return new Intl.DateTimeFormat('en-US', {
      timeZone,
      hourCycle: 'h23',
      ...({ year: 'numeric', month: 'numeric', day: 'numeric', hour: 'numeric', minute: 'numeric' } as const),
    })
  } catch {
    return null
  }
}

function offsetOf(format: Intl.DateTimeFormat, ms: number): number {
  const parts = new Map(format.formatToParts(ms).map(({ type, value }) => [type, Number(value)]))
  const at = (name: Intl.DateTimeFormatPartTypes): number => parts.get(name) ?? 0
  const wall = Date.UTC(at('year'), at('month') - 1, at('day'), at('hour'), at('minute'))
  return (wall - ms) / 60_000
}
