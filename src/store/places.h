// SPDX-License-Identifier: Apache-2.0
/*
 * What the store knows of files: their numbers (table `files`) and how far it has their lines
 * (table `positions`). What is new waits for the next commit, as with store/texts.h; a line below a
 * file's reach is in the store or goes there with that commit.
 *
 * The writer's alone: not thread-safe.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/line.h"
#include "store/duck.h"

struct places;

/// Reads what the tables have, and makes `positions` short when it has grown long. ERR_NO_MEMORY,
/// ERR_IO.
int places_open(struct duck_conn *c, struct places **ret_places, struct err *err) MUST_USE;
/// NULL is fine.
void places_close(struct places *p);

/// The number of a file under its present name. 0: out of memory.
uint32_t places_file(struct places *p, const struct origin *origin);

/// How far the store has its lines: those that begin below are known. 0 where its lines have no
/// places (origin.has_places).
uint64_t places_reach(struct places *p, const struct origin *origin);
/// It has them up to `end`. ERR_NO_MEMORY.
int places_move(struct places *p, const struct origin *origin, uint64_t end) MUST_USE;

/// Appends what is new to the tables, in the caller's transaction.
int places_store(struct places *p, struct duck_conn *c, struct err *err) MUST_USE;
/// The transaction was committed.
void places_stored(struct places *p);
