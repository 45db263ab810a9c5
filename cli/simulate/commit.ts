// Which sources a run was of: without them a seed says nothing.
import { execFileSync } from 'node:child_process'

/** '4f1c0de', '4f1c0de-dirty' with changes that are not committed; 'unknown' where these files are in no repository. */
export function commit(): string {
  try {
    // An installed package may lie inside another repository, whose commit says nothing of it.
    git('ls-files', '--error-unmatch', import.meta.filename)
    return git('describe', '--always', '--dirty', '--exclude', '*')
  } catch {
    return 'unknown'
  }
}

function git(...given: string[]): string {
  return execFileSync('git', given, {
    cwd: import.meta.dirname,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  }).trim()
}
