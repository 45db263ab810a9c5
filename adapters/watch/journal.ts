// The journal as it grows, through `journalctl -f` as a child: its file format is its own business.
import { spawn, type ChildProcess } from 'node:child_process'

/** Bytes of one entry at most; what is longer is passed over and said. */
const ENTRY_BYTES = 1024 * 1024

export interface JournalHeard {
  readonly entry: (json: string) => void
  readonly lost: (why: string) => void
  /** The child ended. It was not asked to. */
  readonly ended: (why: string) => void
}

/** Follows the journal behind a cursor; null: from now on. Answers what ends it. */
export function followJournal(after: string | null, heard: JournalHeard, program = 'journalctl'): () => void {
  const from = after === null ? ['--since=now'] : [`--after-cursor=${after}`]
  const child: ChildProcess = spawn(program, ['-f', '-o', 'json', '--no-pager', ...from], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let [rest, said, stopped] = ['', '', false]
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    const lines = `${rest}${text}`.split('\n')
    rest = lines.pop() ?? ''
    if (rest.length > ENTRY_BYTES) {
      rest = ''
      heard.lost('an entry of the journal was too long')
    }
    for (const line of lines) if (line.startsWith('{')) heard.entry(line)
  })
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (said = text.slice(-500).trim()))
  const end = (why: string): void => {
    if (!stopped) heard.ended(said === '' ? why : said)
    stopped = true
  }
  child.on('error', (error: NodeJS.ErrnoException) => end(error.code ?? error.message))
  child.on('close', (code) => end(`journalctl ended with ${String(code)}`))
  return () => {
    stopped = true
    child.kill()
  }
}
