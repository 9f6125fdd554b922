// The many spellings of a search text, as the service reads them (gis_service/features/spelling.py and pinyin.py): a
// file has no service to ask. Which characters a syllable may be is data of the page, for the characters that stand in it.
(function (gis) {
  "use strict";

  const MAX_TEXT = 100;
  const MAX_WORDS = 5;
  const MAX_LETTERS = 40;
  const SHORT = 12;
  const READINGS = 200;
  const MOST_READINGS = 3;
  const MOST_INITIALS = 8;
  const INITIALS = new Set([..."bpmfdtnlgkhjqxrzcsyw", ..."aeo", "zh", "ch", "sh"]);
  const DIGITS = "零一二三四五六七八九";
  const TENS = { 十: 10, 百: 100, 千: 1000 };
  const NUMERALS = "〇零一二三四五六七八九十百千两";
  const NO_NUMBER_BEFORE = "(?:^|[^0-9０-９" + NUMERALS + "])";
  const BLOCK = "(?:幢|栋|棟|号楼|號樓|[#＃]楼|[#＃]|座)";
  const ENTRANCE = "(?:单元|單元)";
  const ROOM = "(?:(?:室|号房|房间|房)|(?![0-9０-９幢栋棟号號#＃座单單]))";
  const UNITS = [
    ["号楼", BLOCK], ["#楼", BLOCK], ["号房", ROOM], ["房间", ROOM], ["单元", ENTRANCE], ["室", ROOM],
    ...[..."幢栋棟座#"].map((word) => [word, BLOCK]),
  ];
  const GAP = "[\\-\\s\\u3000－,，]*";
  const BETWEEN = "(?:" + BLOCK + "|" + ENTRANCE + "|[\\-\\s\\u3000－])+";
  const TOKEN = new RegExp("^(?:([0-9]+|[" + NUMERALS + "]+)|([a-z][a-z']*)|(.))", "su");

  // One sign in either width and case; every sign stands for itself.
  function either(sign) {
    if (sign < "!" || sign > "~") {
      return sign;
    }
    const forms = [...new Set([sign, sign.toUpperCase()])];
    const wide = forms.map((form) => String.fromCharCode(form.charCodeAt(0) + 0xfee0));
    return /[A-Za-z0-9]/.test(sign)
      ? "[" + forms.concat(wide).join("") + "]"
      : "(?:\\u" + sign.charCodeAt(0).toString(16).padStart(4, "0") + "|" + wide[0] + ")";
  }

  const all = (text) => [...text].map(either).join("");

  // The number below 10,000 that Chinese numerals say, by places (一二) or not (十二); null for neither.
  function numeral(text) {
    const signs = [...text.replaceAll("〇", "零").replaceAll("两", "二")];
    if (!signs.some((sign) => sign in TENS)) {
      return signs.length <= 4 ? Number(signs.map((sign) => DIGITS.indexOf(sign)).join("")) : null;
    }
    let total = 0;
    let digit = null;
    let last = 10000;
    for (const sign of signs) {
      if (sign in TENS) {
        const size = TENS[sign];
        if (size >= last || (digit === null && size !== 10)) {
          return null;
        }
        total += (digit === null ? 1 : digit) * size;
        digit = null;
        last = size;
      } else if (sign === "零") {
        digit = null;
      } else if (digit === null) {
        digit = DIGITS.indexOf(sign);
      } else {
        return null;
      }
    }
    return total + (digit || 0);
  }

  function inChinese(number) {
    let said = "";
    let zero = false;
    for (const [size, word] of [[1000, "千"], [100, "百"], [10, "十"], [1, ""]]) {
      const digit = Math.floor(number / size) % 10;
      said += digit ? (zero && said ? "零" : "") + DIGITS[digit] + word : "";
      zero = digit === 0;
    }
    return said.startsWith("一十") ? said.slice(1) : said;
  }

  // Chinese numerals that no unit follows may be part of a name.
  function numberPattern(token, followed, guarded) {
    const arabic = /^[0-9]+$/.test(token);
    const value = arabic ? (token.length <= 4 ? Number(token) : null) : numeral(token);
    const spelled = new Set([all(token)]);
    if (value) {
      spelled.add(all(String(value))).add(inChinese(value));
      if (value >= 10) {
        spelled.add([...String(value)].map((digit) => DIGITS[Number(digit)]).join(""));
      }
      if (value >= 10 && value < 20) {
        spelled.add("一" + inChinese(value));
      }
    }
    const number = "(?:" + [...spelled].join("|") + ")";
    if (!guarded) {
      return number;
    }
    return arabic || followed ? NO_NUMBER_BEFORE + number : "(?:" + token + "|" + NO_NUMBER_BEFORE + number + ")";
  }

  let sounds = null;

  // What the page says of sounds: all syllables, and those characters of its data that are said so. Letters that only
  // begin a syllable stand for common characters alone, as with the service.
  function readSounds() {
    const block = gis.readBlock("gis-sounds");
    sounds = { characters: new Map(), beginnings: new Map() };
    if (!block) {
      return;
    }
    const rare = new Set(block.rare);
    for (const entry of block.syllables.split(" ")) {
      const [, syllable, characters] = /^([a-z]+)(.*)$/u.exec(entry);
      sounds.characters.set(syllable, characters);
      const common = [...characters].filter((character) => !rare.has(character)).join("");
      for (let size = 1; size <= syllable.length; size += 1) {
        const beginning = syllable.slice(0, size) + "-";
        sounds.beginnings.set(beginning, (sounds.beginnings.get(beginning) || "") + common);
      }
    }
  }

  // Readings of letters as syllables and initials, long syllables first.
  function split(letters) {
    const end = letters.length;
    const partsAt = (at) => {
      const found = [];
      for (let to = at + 1; to <= Math.min(at + 6, end); to += 1) {
        const part = letters.slice(at, to);
        if (sounds.characters.has(part)) {
          found.push([part, to]);
        } else if (INITIALS.has(part) || (to === end && sounds.beginnings.has(part + "-"))) {
          found.push([part + "-", to]);
        }
      }
      return found;
    };
    // From the end on, so that a beginning which leads nowhere is never gone into: there may be millions of them.
    const onward = new Map([[end, []]]);
    for (let at = end - 1; at >= 0; at -= 1) {
      const parts = partsAt(at).filter((part) => onward.has(part[1]));
      if (parts.length) {
        onward.set(at, parts);
      }
    }
    const found = [];
    const open = onward.has(0) ? [[[], 0]] : [];
    while (open.length && found.length < READINGS) {
      const [said, at] = open.pop();
      if (at === end) {
        found.push(said);
      }
      onward.get(at).forEach(([part, to]) => open.push([said.concat(part), to]));
    }
    return found;
  }

  const distinct = (readings) => [...new Map(readings.map((reading) => [reading.join(" "), reading])).values()];

  // Whole syllables and initials alone; mixtures where neither will do.
  function readingsOf(letters) {
    const initials = (reading) => reading.filter((part) => !sounds.characters.has(part)).length;
    const readings = distinct(split(letters)).sort((a, b) => initials(a) - initials(b));
    const whole = readings.filter((reading) => initials(reading) === 0).sort((a, b) => a.length - b.length);
    const chosen = whole.slice(0, MOST_READINGS);
    if (letters.length <= SHORT && [...letters].every((letter) => INITIALS.has(letter))) {
      chosen.push([...letters].map((letter) => letter + "-"));
    }
    let used = chosen.reduce((sum, reading) => sum + initials(reading), 0);
    for (const reading of !chosen.length || used ? readings : []) {
      used += initials(reading);
      if (chosen.length && used > MOST_INITIALS) {
        break;
      }
      chosen.push(reading);
    }
    return distinct(chosen);
  }

  // The pattern of the characters that letters without tones may stand for, or null for none.
  function soundsLike(letters) {
    if (letters.length < 2 || letters.length > MAX_LETTERS) {
      return null;
    }
    const of = (part) => (sounds.characters.has(part) ? sounds.characters.get(part) : sounds.beginnings.get(part));
    const readings = readingsOf(letters).map((reading) => reading.map((part) => "[" + of(part) + "]").join(""));
    return readings.length ? "(?:" + readings.join("|") + ")" : null;
  }

  function lettersPattern(token, heard) {
    const sound = heard ? soundsLike(token.replaceAll("'", "")) : null;
    return sound ? "(?:" + all(token) + "|" + sound + ")" : all(token);
  }

  // The pattern of one word; one that begins the text needs no look at what stands before a number.
  function patternOf(word, heard, begins) {
    const parts = [];
    let at = 0;
    let afterNumber = false;
    while (at < word.length) {
      const rest = word.slice(at);
      const unit = afterNumber && UNITS.find(([written]) => rest.startsWith(written));
      const between = afterNumber && /^[-#]+(?=[0-9])/.exec(rest);
      if (unit) {
        const more = unit[0].length < rest.length;
        if (unit[1] === ENTRANCE && more && parts.length > 1) {
          // The number of a room is its own in a whole building; many ledgers leave the entrance out.
          parts.push("(?:" + parts.pop() + ENTRANCE + GAP + ")?");
        } else {
          parts.push(unit[1], ...(more ? [GAP] : []));
        }
        at += unit[0].length;
        afterNumber = false;
      } else if (between) {
        parts.push(BETWEEN);
        at += between[0].length;
        afterNumber = false;
      } else {
        const [token, number, letters] = TOKEN.exec(rest);
        at += token.length;
        afterNumber = number !== undefined;
        if (afterNumber) {
          const followed = UNITS.some(([written]) => word.startsWith(written, at));
          parts.push(numberPattern(token, followed, !parts.length && !begins));
        } else {
          parts.push(letters !== undefined ? lettersPattern(token, heard) : either(token));
        }
      }
    }
    return parts.join("");
  }

  // What is looked for: the patterns of each word, as they are written and as they are heard; or why it is refused.
  gis.spellingOf = function (query) {
    const text = query.normalize("NFKC").toLowerCase().trim();
    const words = text.split(/\s+/);
    if (!/[\p{L}\p{N}]/u.test(text)) {
      return { refused: "请写要找的地址、编码、名称或拼音,例如 新群小区12幢、xqxq。" };
    }
    if (/^[a-z]$/.test(text)) {
      return { refused: "只有一个字母找不准:拼音请至少写两个字母,例如 xq。" };
    }
    if ([...text].length > MAX_TEXT || words.length > MAX_WORDS) {
      return { refused: "要找的文字太长:最多 " + MAX_TEXT + " 个字、" + MAX_WORDS + " 个词。" };
    }
    if (!sounds) {
      readSounds();
    }
    const made = (heard) => {
      const patterns = words.map((word) => patternOf(word, heard, false));
      const begun = words.map((word, i) => patternOf(word, heard, i === 0)).join(".*");
      return {
        source: patterns.join(" "),
        words: patterns.map((pattern) => new RegExp(pattern, "su")),
        first: new RegExp("^(?:" + begun + ")", "su"),
        whole: new RegExp("^(?:" + begun + ")$", "su"),
      };
    };
    const [written, heard] = [made(false), made(true)];
    return { text: text, written: written, heard: heard, bySound: written.source !== heard.source };
  };
})((window.gis = window.gis || {}));
