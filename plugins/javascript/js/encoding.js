// UTF-8, as the Encoding Standard has it.
(host, alcove) => {
  const utf8 = (text) => {
    const bytes = [];
    for (const char of String(text)) {
      const point = char.codePointAt(0);
      const code = point >= 0xd800 && point <= 0xdfff ? 0xfffd : point;
      if (code < 0x80) bytes.push(code);
      else if (code < 0x800) bytes.push(0xc0 | (code >> 6), 0x80 | (code & 63));
      else if (code < 0x10000) bytes.push(0xe0 | (code >> 12), 0x80 | ((code >> 6) & 63), 0x80 | (code & 63));
      else bytes.push(0xf0 | (code >> 18), 0x80 | ((code >> 12) & 63), 0x80 | ((code >> 6) & 63), 0x80 | (code & 63));
    }
    return Uint8Array.from(bytes);
  };

  // As the Encoding Standard decodes: each wrong sequence is one U+FFFD.
  const text = (input) => {
    const bytes = input instanceof Uint8Array ? input : new Uint8Array(input.buffer || input);
    const parts = [];
    let at = bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? 3 : 0;
    while (at < bytes.length) {
      const lead = bytes[at++];
      if (lead < 0x80) {
        parts.push(lead);
        continue;
      }
      const more = lead >= 0xc2 && lead < 0xe0 ? 1 : lead >= 0xe0 && lead < 0xf0 ? 2 : lead >= 0xf0 && lead < 0xf5 ? 3 : 0;
      let code = more ? lead & (0x3f >> more) : 0xfffd;
      let low = lead === 0xe0 ? 0xa0 : lead === 0xf0 ? 0x90 : 0x80;
      let high = lead === 0xed ? 0x9f : lead === 0xf4 ? 0x8f : 0xbf;
      for (let left = more; left > 0; left--) {
        const next = bytes[at];
        if (!(next >= low && next <= high)) {
          code = 0xfffd;
          break;
        }
        code = (code << 6) | (next & 63);
        at++;
        [low, high] = [0x80, 0xbf];
      }
      parts.push(code);
    }
    let result = "";
    for (let from = 0; from < parts.length; from += 1000) result += String.fromCodePoint(...parts.slice(from, from + 1000));
    return result;
  };

  class TextEncoder {
    encode(value = "") {
      return utf8(value);
    }
  }
  class TextDecoder {
    decode(bytes = new Uint8Array()) {
      return text(bytes);
    }
  }
  return { utf8, text, TextEncoder, TextDecoder };
}
