/** A text without accents, in small letters, to be looked through. */
export function plain(text: string): string {
  return text.normalize("NFD").replace(/\p{M}/gu, "").replaceAll("đ", "d").replaceAll("Đ", "d").toLowerCase();
}

/** An IPv6 address as people write it (RFC 5952 §4: no leading zeros, the longest run of zero groups as `::`); any other text as it is. */
export function shortAddress(text: string): string {
  if (!/^[0-9a-f]{1,4}(:[0-9a-f]{1,4}){7}$/i.test(text)) return text;
  const groups = text.toLowerCase().split(":").map((group) => group.replace(/^0+(?=.)/, ""));
  let [from, most] = [0, 1];
  for (let at = 0; at < groups.length; at += 1) {
    let end = at;
    while (groups[end] === "0") end += 1;
    if (end - at > most) [from, most] = [at, end - at];
  }
  if (most < 2) return groups.join(":");
  return `${groups.slice(0, from).join(":")}::${groups.slice(from + most).join(":")}`;
}
