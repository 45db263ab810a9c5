// How often the thread of a LUN's storage looks, each with its reason.

/** How long somebody who asks for the reservations waits for the thread, when the words say that they are others now. */
export const READ_WAIT_MS = 50
/** How often the shared words are looked at, milliseconds: that long another engine's command waits for an idle one. */
export const LOOK_MS = 5
/** Every so many looks: whether the files are still those that were opened. A stop comes within 10 ms of their loss. */
export const LOST_LOOK_EVERY = 2
/** Every so many looks: whether an engine of the LUN has died. What it left is held off within 20 ms of its end. */
export const DEATH_LOOK_EVERY = 4
