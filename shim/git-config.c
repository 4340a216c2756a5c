#include "git-config.h"

#include <string.h>

static const char wanted_section[] = "remote.origin";
static const char wanted_key[] = "url";

/* Text that grows up to a bound; what is longer is remembered as too long. */
struct bounded {
  char *text;
  size_t room; /* with the byte that ends it */
  size_t length;
  bool too_long;
};

struct source {
  const char *text;
  size_t size;
  size_t at;
  bool ended;
};

static void add(struct bounded *to, char byte) {
  /* A NUL byte would end the text for us and not for others. */
  if (to->length + 1 >= to->room || byte == '\0') {
    to->too_long = true;
    return;
  }
  to->text[to->length++] = byte;
  to->text[to->length] = '\0';
}

/* CRLF is one line break, and there is one at the end of the file. */
static char next(struct source *from) {
  if (from->at >= from->size) {
    from->ended = true;
    return '\n';
  }
  const char byte = from->text[from->at++];
  if (byte == '\r' && from->at < from->size && from->text[from->at] == '\n') return from->text[from->at++];
  return byte;
}

/* git's own notions: they know no locale. */
static bool is_space(char byte) { return byte == ' ' || byte == '\t' || byte == '\n' || byte == '\r'; }
static bool is_upper(char byte) { return byte >= 'A' && byte <= 'Z'; }
static bool is_letter(char byte) { return is_upper(byte) || (byte >= 'a' && byte <= 'z'); }
static bool is_key_byte(char byte) { return is_letter(byte) || (byte >= '0' && byte <= '9') || byte == '-'; }
static char lower(char byte) { return is_upper(byte) ? (char)(byte - 'A' + 'a') : byte; }

/* The rest of [section "subsection"] behind the section. */
static bool read_subsection(struct source *from, char byte, struct bounded *section) {
  while (is_space(byte)) {
    if (byte == '\n') return false;
    byte = next(from);
  }
  if (byte != '"') return false;
  add(section, '.');
  for (;;) {
    byte = next(from);
    if (byte == '"') return next(from) == ']';
    if (byte == '\\') byte = next(from);
    if (byte == '\n') return false;
    add(section, byte);
  }
}

/* A header behind its [, as section.subsection. */
static bool read_header(struct source *from, struct bounded *section) {
  section->length = 0;
  section->too_long = false;
  section->text[0] = '\0';
  for (;;) {
    const char byte = next(from);
    if (byte == ']') return section->length > 0 || section->too_long;
    if (is_space(byte)) return read_subsection(from, byte, section);
    if (!is_key_byte(byte) && byte != '.') return false;
    add(section, lower(byte));
  }
}

/* What stands for \byte; 0 when git knows no such escape. */
static char escaped(char byte) {
  switch (byte) {
  case 'n':
    return '\n';
  case 't':
    return '\t';
  case 'b':
    return '\b';
  case '"':
  case '\\':
    return byte;
  default:
    return '\0';
  }
}

/* A value behind its =. White space around it is dropped. */
static bool read_value(struct source *from, struct bounded *value) {
  size_t spaces = 0;
  bool in_quotes = false;
  bool in_comment = false;
  for (;;) {
    char byte = next(from);
    if (byte == '\n') return !in_quotes;
    if (in_comment) continue;
    if (!in_quotes && is_space(byte)) {
      if (value->length > 0) spaces++;
      continue;
    }
    if (!in_quotes && (byte == '#' || byte == ';')) {
      in_comment = true;
      continue;
    }
    for (; spaces > 0; spaces--) add(value, ' ');
    if (byte == '"') {
      in_quotes = !in_quotes;
      continue;
    }
    if (byte == '\\') {
      byte = next(from);
      if (byte == '\n') continue;
      byte = escaped(byte);
      if (byte == '\0') return false;
    }
    add(value, byte);
  }
}

/* A key that begins with `first`, and its value. False when git would refuse it. */
static bool read_entry(struct source *from, char first, struct bounded *key, struct bounded *value, bool *has_value) {
  key->length = value->length = 0;
  key->too_long = value->too_long = false;
  add(key, lower(first));
  char byte = next(from);
  for (; is_key_byte(byte); byte = next(from)) add(key, lower(byte));
  while (byte == ' ' || byte == '\t') byte = next(from);
  *has_value = byte == '=';
  if (byte == '\n') return true;
  return *has_value && read_value(from, value);
}

static bool equals(const struct bounded *text, const char *other) {
  return !text->too_long && strcmp(text->text, other) == 0;
}

bool git_config_origin(const char *text, size_t size, char *url, size_t room) {
  static const char byte_order_mark[] = "\xef\xbb\xbf";
  char section_text[sizeof wanted_section + 1];
  char key_text[sizeof wanted_key + 1];
  struct bounded section = {.text = section_text, .room = sizeof section_text};
  struct bounded key = {.text = key_text, .room = sizeof key_text};
  struct bounded value = {.text = url, .room = room};
  struct source from = {.text = text, .size = size};
  bool found = false;
  bool in_comment = false;
  section_text[0] = '\0';
  if (size >= 3 && memcmp(text, byte_order_mark, 3) == 0) from.at = 3;
  for (;;) {
    const char byte = next(&from);
    if (byte == '\n') {
      if (from.ended) return found;
      in_comment = false;
    } else if (in_comment || is_space(byte)) {
      continue;
    } else if (byte == '#' || byte == ';') {
      in_comment = true;
    } else if (byte == '[') {
      if (!read_header(&from, &section)) return false;
    } else {
      char kept[1] = "";
      /* Behind the URL that counts, the rest is only looked at for what git would refuse. */
      struct bounded unused = {.text = kept, .room = sizeof kept};
      bool has_value = false;
      if (!is_letter(byte)) return false;
      if (!read_entry(&from, byte, &key, found ? &unused : &value, &has_value)) return false;
      if (!found && has_value && value.length > 0 && !value.too_long)
        found = equals(&section, wanted_section) && equals(&key, wanted_key);
    }
  }
}
