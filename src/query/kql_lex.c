// SPDX-License-Identifier: Apache-2.0
/*
 * What Kibana's grammar has: the characters \ ( ) : < > " * { } mean something unless a \ stands
 * before them; and, or, not are words of the language when they stand alone; \uXXXX is a character.
 * A text that is no UTF-8 is refused where it stops being some, so that whatever comes out of here
 * is.
 */
#include "query/kql_lex.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/num.h"
#include "base/status.h"
#include "base/text.h"
#include "base/utf8.h"

int kql_clip(const char *text, size_t size)
{
    enum { SHOWN_MAX = 40 };
    return text_clip(text, size, SHOWN_MAX);
}

int kql_error_set(const struct kql_lex *lex, size_t offset, const char *format, ...)
{
    struct kql_error *e = lex->error;
    va_list args;
    e->offset = offset;
    e->column = 1;
    for (size_t i = 0; i < offset; i++) {
        e->column += ((unsigned char)lex->text[i] & 0xc0) != 0x80;
    }
    va_start(args, format);
    (void)vsnprintf(e->text, sizeof(e->text), format, args); // a message that is cut is still one
    va_end(args);
    return ERR_INVALID;
}

// --- Tokens --------------------------------------------------------------------------------------

/// The size of the blank at the text: those of ASCII and the no-break space.
static size_t blank_size(const char *text, size_t size)
{
    if (size > 0 && (text[0] == ' ' || (text[0] >= '\t' && text[0] <= '\r'))) {
        return 1;
    }
    return size > 1 && memcmp(text, "\xc2\xa0", 2) == 0 ? 2 : 0;
}

static bool is_special(char c)
{
    return c != '\0' && strchr("():<>\"{}", c) != NULL;
}

static int take_quoted(struct kql_lex *lex)
{
    size_t begin = lex->at++;
    while (lex->at < lex->size && lex->text[lex->at] != '"') {
        lex->at += lex->text[lex->at] == '\\' ? 2 : 1;
    }
    if (lex->at >= lex->size) {
        return kql_error_set(lex, begin, "the quote that begins here has no end; expected \"");
    }
    lex->at++;
    return 0;
}

/// Words with colons that need no quotes, because nothing else can be meant: addresses, MAC
/// addresses and patterns of them with two colons at least, and times. 0: there is none.
static size_t colons_size(const char *text, size_t size)
{
    static const char ADDRESS[] = "0123456789abcdefABCDEF:.*/-";
    static const char TIME[] = "0123456789T:.Z+-|";
    enum { DATE_SIZE = sizeof("2026-01-31T") - 1 };
    bool is_time = size > DATE_SIZE && text[4] == '-' && text[DATE_SIZE - 1] == 'T';
    const char *known = is_time ? TIME : ADDRESS;
    size_t at = 0;
    size_t colons = 0;
    if (text[0] == ':' && (size < 3 || text[1] != ':' || text[2] == ':')) {
        return 0;
    }
    while (at < size && text[at] != '\0' && strchr(known, text[at]) != NULL) {
        colons += text[at++] == ':';
    }
    bool ends = at == size || text[at] == ')' || blank_size(text + at, size - at) > 0;
    return ends && colons >= (is_time ? 1 : 2) ? at : 0;
}

static int take_word(struct kql_lex *lex)
{
    while (lex->at < lex->size) {
        const char *at = lex->text + lex->at;
        if (blank_size(at, lex->size - lex->at) > 0 || is_special(*at)) {
            break;
        }
        if (*at == '\\' && lex->at + 1 == lex->size) {
            return kql_error_set(lex, lex->at,
                                 "expected a character after \\; write \\\\ for a \\");
        }
        lex->at += *at == '\\' ? 2 : 1;
    }
    return 0;
}

static enum kql_token_kind word_kind(const char *word, size_t size)
{
    if (size == 3 && strncasecmp(word, "and", 3) == 0) {
        return KQL_TOKEN_AND;
    }
    if (size == 2 && strncasecmp(word, "or", 2) == 0) {
        return KQL_TOKEN_OR;
    }
    return size == 3 && strncasecmp(word, "not", 3) == 0 ? KQL_TOKEN_NOT : KQL_TOKEN_WORD;
}

static enum kql_token_kind special_kind(struct kql_lex *lex)
{
    char c = lex->text[lex->at++];
    bool equal = lex->at < lex->size && lex->text[lex->at] == '=';
    switch (c) {
    case '(':
        return KQL_TOKEN_OPEN;
    case ')':
        return KQL_TOKEN_CLOSE;
    case ':':
        return KQL_TOKEN_COLON;
    case '<':
        lex->at += equal;
        return equal ? KQL_TOKEN_AT_MOST : KQL_TOKEN_LESS;
    case '>':
        lex->at += equal;
        return equal ? KQL_TOKEN_AT_LEAST : KQL_TOKEN_GREATER;
    default:
        return KQL_TOKEN_BRACE;
    }
}

int kql_lex_next(struct kql_lex *lex, struct kql_token *ret_token)
{
    size_t blank;
    size_t colons;
    while ((blank = blank_size(lex->text + lex->at, lex->size - lex->at)) > 0) {
        lex->at += blank;
    }
    struct kql_token token = { .kind = KQL_TOKEN_END, .begin = lex->at };
    int status = 0;
    if (lex->at < lex->size && lex->text[lex->at] == '"') {
        token.kind = KQL_TOKEN_QUOTED;
        status = take_quoted(lex);
    } else if (lex->at < lex->size &&
               (colons = colons_size(lex->text + lex->at, lex->size - lex->at)) > 0) {
        token.kind = KQL_TOKEN_WORD;
        lex->at += colons;
    } else if (lex->at < lex->size && is_special(lex->text[lex->at])) {
        token.kind = special_kind(lex);
    } else if (lex->at < lex->size) {
        status = take_word(lex);
        token.kind = word_kind(lex->text + token.begin, lex->at - token.begin);
    }
    token.end = lex->at;
    *ret_token = token;
    return status;
}

/// How long the word at the text is, if it begins with a backslash; else 0.
static size_t escaped_word_size(const char *text, size_t size)
{
    size_t at = 0;
    while (text[0] == '\\' && at < size && blank_size(text + at, size - at) == 0) {
        at++;
    }
    return at;
}

// --- Literals ------------------------------------------------------------------------------------

/// A literal being made.
struct making {
    const struct kql_lex *lex;
    size_t at;
    size_t end;
    char *text;
    size_t text_size;
    char *pattern;
    size_t pattern_size;
    bool quoted;
    bool wild;
};

static void put(struct making *m, const char *bytes, size_t size)
{
    memcpy(m->text + m->text_size, bytes, size);
    m->text_size += size;
    if (bytes[0] == '*' || bytes[0] == '\\') {
        m->pattern[m->pattern_size++] = '\\';
    }
    memcpy(m->pattern + m->pattern_size, bytes, size);
    m->pattern_size += size;
}

static bool take_hex(struct making *m, uint32_t *ret_code)
{
    uint32_t code = 0;
    if (m->end - m->at < 4) {
        return false;
    }
    for (size_t i = 0; i < 4; i++) {
        int digit = num_hex_digit((uint8_t)m->lex->text[m->at + i]);
        if (digit < 0) {
            return false;
        }
        code = code << 4 | (uint32_t)digit;
    }
    m->at += 4;
    *ret_code = code;
    return true;
}

/// The second of a pair for a character past U+FFFF.
static bool take_pair(struct making *m, uint32_t *code)
{
    uint32_t low;
    if (m->end - m->at < 2 || memcmp(m->lex->text + m->at, "\\u", 2) != 0) {
        return false;
    }
    m->at += 2;
    if (*code >= 0xdc00 || !take_hex(m, &low) || low < 0xdc00 || low > 0xdfff) {
        return false;
    }
    *code = 0x10000 + ((*code - 0xd800) << 10) + (low - 0xdc00);
    return true;
}

/// \uXXXX, of which `at` is behind the u.
static int put_code(struct making *m)
{
    const size_t begin = m->at - 2;
    uint8_t bytes[UTF8_SIZE_MAX];
    uint32_t code = 0;
    bool good =
        take_hex(m, &code) && code != 0 && (code < 0xd800 || code > 0xdfff || take_pair(m, &code));
    if (!good) {
        return kql_error_set(m->lex, begin,
                             "expected a character in four hexadecimal digits: \\u00fc");
    }
    put(m, (const char *)bytes, (size_t)(utf8_put(bytes, code) - bytes));
    return 0;
}

/// What a backslash begins; `at` is behind it.
static int put_escape(struct making *m)
{
    char c = m->lex->text[m->at++];
    switch (c) {
    case 'u':
        return put_code(m);
    case 'n':
        c = '\n';
        break;
    case 'r':
        c = '\r';
        break;
    case 't':
        c = '\t';
        break;
    default:
        if (c != '\\' && c != '*' && !is_special(c)) {
            return kql_error_set(m->lex, m->at - 2,
                                 "expected one of \\\\ \\* \\\" \\( \\) \\: \\< \\> "
                                 "\\{ \\} \\n \\r \\t \\uXXXX; write \\\\ for a \\");
        }
    }
    put(m, &c, 1);
    return 0;
}

static int put_character(struct making *m)
{
    const char *at = m->lex->text + m->at;
    uint32_t code;
    size_t length = utf8_next((const uint8_t *)at, m->end - m->at, &code);
    if (length == 0 || code == 0) {
        return kql_error_set(m->lex, m->at, "this is no text (expected UTF-8)");
    }
    m->at += length;
    if (*at == '\\') {
        return put_escape(m);
    }
    if (*at == '*' && !m->quoted) {
        m->text[m->text_size++] = '*';
        m->pattern[m->pattern_size++] = '*';
        m->wild = true;
        return 0;
    }
    put(m, at, length);
    return 0;
}

/// Words and one blank between two of them, or what is between the quotes.
static int put_all(struct making *m, struct kql_literal *literal)
{
    const struct kql_lex *lex = m->lex;
    int status = 0;
    bool begins = true;
    while (status == 0 && m->at < m->end) {
        size_t blank = m->quoted ? 0 : blank_size(lex->text + m->at, m->end - m->at);
        if (blank > 0) {
            m->at += blank;
            begins = true;
            continue;
        }
        if (begins) {
            literal->last = m->at;
            literal->words++;
            if (literal->words > 1) {
                put(m, " ", 1);
            }
            begins = false;
            size_t size = m->quoted ? 0 : escaped_word_size(lex->text + m->at, m->end - m->at);
            if (size > 1 && word_kind(lex->text + m->at + 1, size - 1) != KQL_TOKEN_WORD) {
                m->at++; // \and
            }
        }
        status = put_character(m);
    }
    return status;
}

int kql_literal_make(const struct kql_lex *lex, struct kql *kql, const struct kql_token *first,
                     const struct kql_token *last, struct kql_literal *ret_literal)
{
    struct kql_literal literal = { .begin = first->begin, .end = last->end };
    struct making m = { .lex = lex, .at = first->begin, .end = last->end };
    literal.quoted = m.quoted = first->kind == KQL_TOKEN_QUOTED;
    m.at += m.quoted;
    m.end -= m.quoted;
    m.text = kql_alloc(kql, m.end - m.at + 1);
    m.pattern = kql_alloc(kql, 2 * (m.end - m.at) + 1);
    if (m.text == NULL || m.pattern == NULL) {
        return ERR_NO_MEMORY;
    }
    int status = put_all(&m, &literal);
    if (status != 0) {
        return status;
    }
    literal.text = m.text;
    literal.size = m.text_size;
    literal.pattern = m.pattern;
    literal.pattern_size = m.pattern_size;
    literal.wild = m.wild;
    *ret_literal = literal;
    return 0;
}
