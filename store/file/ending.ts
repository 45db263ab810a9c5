// The sources run as they are, and built: a worker's entry ends as the file does that starts it.

/** 'ts' for a source that runs by itself, 'js' for what was built of it. */
export function endingOf(url: string): 'ts' | 'js' {
  return url.endsWith('.ts') ? 'ts' : 'js'
}
