/** Counters of heartbeats → rates. */

export interface Beat {
  /** Milliseconds. */
  at: number;
  packets: number | undefined;
  bytes: number | undefined;
  dropped: number | undefined;
  memory: number | undefined;
}

export interface Point {
  at: number;
  /** A second. */
  packets: number | undefined;
  bits: number | undefined;
  dropped: number | undefined;
  memory: number | undefined;
}

/** Between each beat and the one before it. A counter that fell began anew: what it shows is what it counted since. */
export function rates(beats: readonly Beat[]): Point[] {
  return beats.slice(1).map((beat, index) => {
    const before = beats[index] ?? beat;
    const seconds = Math.max(1, (beat.at - before.at) / 1_000);
    const rate = (now: number | undefined, then: number | undefined) => {
      if (now === undefined || then === undefined) return undefined;
      return Math.round(((now >= then ? now - then : now) / seconds) * 10) / 10;
    };
    const bytes = rate(beat.bytes, before.bytes);
    return { at: beat.at, packets: rate(beat.packets, before.packets), bits: bytes === undefined ? undefined : bytes * 8, dropped: rate(beat.dropped, before.dropped), memory: beat.memory };
  });
}
