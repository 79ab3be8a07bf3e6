"use strict";
// A little Markdown as nodes. What a model says is hostile: every letter of it becomes the text of a text node, nothing
// becomes a tag, an attribute or an address. Links and images stay the text that they are. The time it takes grows with
// the length alone: every pattern is bounded.
const HeedfulMarkdown = (() => {
  const FENCE = /^ {0,3}(`{3,}|~{3,})([^`]{0,60})$/;
  const HEAD = /^ {0,3}#{1,6}[ \t]+(.*)$/;
  const ITEM = /^([ \t]{0,24})(?:[-*+]|(\d{1,9})[.)])[ \t]+(.*)$/;
  const QUOTE = /^ {0,3}> ?(.*)$/;
  const RULE = /^ {0,3}(?:-[ -]{2,40}|\*[ *]{2,40}|_[ _]{2,40})$/;
  const INLINE = /(`{1,3})(?!`)([^\n]{1,600}?)\1(?!`)|\*\*(?=\S)([^\n*]{1,600})\*\*|__(?=\S)([^\n_]{1,600})__|(?<![\w*])\*(?=[^\s*])([^\n*]{1,600})\*(?![\w*])/g;
  const DEEPEST = 6;

  const make = (tag, className) => {
    const element = document.createElement(tag);
    if (className) element.className = className;
    element.dir = "auto";
    return element;
  };
  const inline = (parent, text) => {
    let from = 0;
    for (const found of text.matchAll(INLINE)) {
      if (found.index > from) parent.append(text.slice(from, found.index));
      const [whole, , code, bold, bold2, slanted] = found;
      const element = document.createElement(code !== undefined ? "code" : slanted !== undefined ? "em" : "strong");
      element.textContent = code ?? bold ?? bold2 ?? slanted;
      parent.append(element);
      from = found.index + whole.length;
    }
    if (from < text.length) parent.append(text.slice(from));
    return parent;
  };
  const bare = (title) => { // without the marks that may close a heading
    let end = title.trimEnd().length;
    while (end > 0 && title[end - 1] === "#") end -= 1;
    return title.slice(0, end).trimEnd();
  };
  const width = (space) => space.replaceAll("\t", "    ").length;

  const blocks = (parent, lines, depth) => {
    let open = []; // lines of a paragraph
    let lists = []; // { indent, list, item }
    const close = () => {
      if (open.length) parent.append(inline(make("p", "text"), open.join("\n")));
      open = [];
    };
    for (let n = 0; n < lines.length; n += 1) {
      const line = lines[n];
      const fence = FENCE.exec(line);
      if (fence) {
        close();
        const code = [];
        const end = new RegExp(`^ {0,3}${fence[1][0]}{${Math.min(fence[1].length, 20)},} *$`);
        while (n + 1 < lines.length && !end.test(lines[n + 1])) { n += 1; code.push(lines[n]); }
        n += 1;
        const block = make("pre");
        block.dir = "ltr";
        block.tabIndex = 0;
        const inner = document.createElement("code");
        inner.textContent = code.join("\n");
        block.append(inner);
        (lists.at(-1)?.item ?? parent).append(block);
        continue;
      }
      const item = RULE.test(line) ? null : ITEM.exec(line);
      if (item) {
        close();
        const indent = width(item[1]);
        while (lists.length && indent < lists.at(-1).indent) lists.pop();
        const kind = item[2] === undefined ? "ul" : "ol";
        const deeper = lists.length && indent > lists.at(-1).indent + 1 && lists.length < DEEPEST;
        if (!lists.length || deeper || lists.at(-1).list.localName !== kind) {
          if (lists.length && !deeper) lists.pop();
          const list = make(kind);
          if (kind === "ol") list.start = Number(item[2]);
          (lists.at(-1)?.item ?? parent).append(list);
          lists.push({ indent, list, item: null });
        }
        const made = make("li");
        inline(made, item[3]);
        lists.at(-1).list.append(made);
        lists.at(-1).item = made;
        continue;
      }
      if (!line.trim()) {
        close();
        if (lists.length && !/^[ \t]|^(?:[-*+]|\d{1,9}[.)])[ \t]/.test(lines[n + 1] ?? "")) lists = [];
        continue;
      }
      if (lists.length && (/^[ \t]/.test(line) || lines[n - 1]?.trim())) {
        inline(lists.at(-1).item, `\n${line.trim()}`);
        continue;
      }
      lists = [];
      const head = HEAD.exec(line);
      const quote = QUOTE.exec(line);
      if (head) {
        close();
        parent.append(inline(make("p", "head"), bare(head[1])));
      } else if (RULE.test(line)) {
        close();
        parent.append(document.createElement("hr"));
      } else if (quote && depth < DEEPEST) {
        close();
        const inner = [quote[1]];
        while (n + 1 < lines.length && QUOTE.test(lines[n + 1])) { n += 1; inner.push(QUOTE.exec(lines[n])[1]); }
        const block = make("blockquote");
        blocks(block, inner, depth + 1);
        parent.append(block);
      } else open.push(line);
    }
    close();
  };

  return {
    render: (text) => {
      const out = document.createDocumentFragment();
      blocks(out, text.split("\n"), 0);
      return out;
    },
  };
})();
