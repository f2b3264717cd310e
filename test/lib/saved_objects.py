# SPDX-License-Identifier: Apache-2.0
"""Saved objects of Kibana and OpenSearch Dashboards: what is known of their form, and the searches
that their panels send.

The form is what the programs' sources say in public: the attributes of each type, of Kibana as the
schemas of its content management have them, which refuse what they do not know. The searches are
made of the objects as the programs make them, as far as these panels need it."""
import json
import re

COLUMNS = 48
PANEL_ROWS_MAX = 400
INTERVAL = "30s"  # what "auto" is for an hour, about
JSON = "a text that is JSON"
# Attribute: its type, whether it has to be there.
ATTRIBUTES = {
    "index-pattern": {"title": (str, True), "timeFieldName": (str, False), "name": (str, False),
                      "fields": (JSON, False), "fieldFormatMap": (JSON, False)},
    "visualization": {"title": (str, True), "description": (str, False), "version": (int, False),
                      "kibanaSavedObjectMeta": (dict, True), "uiStateJSON": (JSON, True),
                      "visState": (JSON, True)},
    "search": {"title": (str, True), "description": (str, False), "columns": (list, True),
               "sort": (list, True), "hits": (int, False), "version": (int, False),
               "kibanaSavedObjectMeta": (dict, True)},
    "map": {"title": (str, True), "description": (str, False), "mapStateJSON": (JSON, True),
            "layerListJSON": (JSON, True), "uiStateJSON": (JSON, False)},
    "dashboard": {"title": (str, True), "description": (str, False), "panelsJSON": (JSON, True),
                  "optionsJSON": (JSON, True), "version": (int, False),
                  "timeRestore": (bool, False), "timeFrom": (str, False), "timeTo": (str, False),
                  "refreshInterval": (dict, False), "kibanaSavedObjectMeta": (dict, True)}}
KIBANA_KEYS = {"type", "id", "attributes", "references", "coreMigrationVersion",
               "typeMigrationVersion", "managed"}
OPENSEARCH_KEYS = {"type", "id", "attributes", "references", "migrationVersion"}
# The newest that the oldest supported version of each program knows.
KIBANA_VERSIONS = {"index-pattern": "8.0.0", "visualization": "8.5.0", "search": "8.0.0",
                   "map": "8.4.0", "dashboard": "8.9.0"}
OPENSEARCH_VERSIONS = {"index-pattern": "7.6.0", "visualization": "7.10.0", "search": "7.9.3",
                       "dashboard": "7.9.3"}
METRIC_AGGS = {"count", "sum", "min", "max", "avg", "cardinality"}
BUCKET_AGGS = {"terms", "date_histogram", "geohash_grid"}
SCHEMAS = {"metric": {"metric"}, "table": {"metric", "bucket"}, "pie": {"metric", "segment"},
           "area": {"metric", "segment", "group"}, "line": {"metric", "segment", "group"},
           "histogram": {"metric", "segment", "group"}, "tile_map": {"metric", "segment"},
           "markdown": set(), "metrics": set()}


class Wrong(Exception):
    """An object is not as it has to be."""


def want(condition, *what):
    if not condition:
        raise Wrong(" ".join(str(one) for one in what))


def parse(text):
    """The objects of a file, which has no blank lines and ends with a newline."""
    want(text.endswith("\n"), "no newline at the end")
    objects = []
    for number, line in enumerate(text[:-1].split("\n"), 1):
        try:
            objects.append(json.loads(line))
        except ValueError as error:
            raise Wrong(f"line {number}: {error}") from None
    return objects


def state(one):
    return json.loads(one["attributes"]["visState"])


def source(one):
    return json.loads(one["attributes"]["kibanaSavedObjectMeta"]["searchSourceJSON"])


# --- The form ------------------------------------------------------------------------------------

def check(objects, kibana):
    """Wrong, with words, unless every object is as the program wants it."""
    ids = [(one["type"], one["id"]) for one in objects]
    want(len(set(ids)) == len(ids), "an id is there twice")
    want(len({id_ for _, id_ in ids}) == len(ids), "two types share an id")
    for one in objects:
        try:
            check_object(one, kibana)
            check_references(one, set(ids))
            by_type = {"visualization": check_visualization, "dashboard": check_dashboard,
                       "map": check_map, "search": check_search}.get(one["type"])
            if by_type:
                by_type(one, kibana)
        except (KeyError, TypeError, ValueError, IndexError) as error:
            raise Wrong(f"{one.get('id')}: {type(error).__name__} {error}") from None
        except Wrong as error:
            raise Wrong(f"{one.get('id')}: {error}") from None


def check_object(one, kibana):
    want(set(one) == (KIBANA_KEYS if kibana else OPENSEARCH_KEYS), "has", sorted(one))
    want(re.fullmatch(r"weir-[a-z0-9-]+", one["id"]), "is no id of ours")
    want(one["type"] in (KIBANA_VERSIONS if kibana else OPENSEARCH_VERSIONS), "type", one["type"])
    if kibana:
        want(one["typeMigrationVersion"] == KIBANA_VERSIONS[one["type"]], "typeMigrationVersion")
        want(one["coreMigrationVersion"] == "8.8.0" and one["managed"] is False, "its migration")
    else:
        version = OPENSEARCH_VERSIONS[one["type"]]
        want(one["migrationVersion"] == {one["type"]: version}, "migrationVersion")
    known = ATTRIBUTES[one["type"]]
    for name, value in one["attributes"].items():
        want(name in known, "unknown attribute", name)
        kind = known[name][0]
        if kind is JSON:
            want(isinstance(value, str), name, "is no text")
            json.loads(value)
        else:
            want(type(value) is kind, name, "is no", kind.__name__)
    for name, (_, needed) in known.items():
        want(name in one["attributes"] or not needed, "lacks", name)
    meta = one["attributes"].get("kibanaSavedObjectMeta")
    if meta is not None:
        want(set(meta) == {"searchSourceJSON"}, "kibanaSavedObjectMeta has", sorted(meta))
        check_source(one)


def check_source(one):
    found = source(one)
    want(set(found) <= {"query", "filter", "indexRefName"}, "searchSourceJSON has", sorted(found))
    want(found["query"]["language"] == "kuery" and found["filter"] == [], "its query")
    kql(found["query"]["query"])


def named_references(value):
    """Every ...RefName within JSON, also within JSON in texts."""
    if isinstance(value, str) and value[:1] in ("{", "["):
        try:
            value = json.loads(value)
        except ValueError:
            return
    if isinstance(value, dict):
        for key, inner in value.items():
            if key in ("indexRefName", "panelRefName", "indexPatternRefName",
                       "index_pattern_ref_name"):
                yield inner
            else:
                yield from named_references(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from named_references(inner)


def check_references(one, ids):
    names = []
    for reference in one["references"]:
        want(set(reference) == {"type", "id", "name"}, "a reference has", sorted(reference))
        want((reference["type"], reference["id"]) in ids, "refers to", reference["id"],
             "not in the file")
        names.append(reference["name"])
    want(len(set(names)) == len(names), "a reference is there twice")
    wanted = sorted(named_references(one["attributes"]))
    have = sorted(re.sub(r"^[0-9]+:(?=panel_)", "", name) for name in names)
    want(have == wanted, "refers to", have, "and names", wanted)


def check_visualization(one, kibana):
    vis = state(one)
    want(set(vis) == {"title", "type", "params", "aggs"}, "visState has", sorted(vis))
    want(vis["title"] == one["attributes"]["title"], "has two titles")
    want(vis["type"] in SCHEMAS, "is a", vis["type"])
    want(not kibana or vis["type"] != "tile_map", "is of a type that Kibana 8 has not")
    for number, agg in enumerate(vis["aggs"], 1):
        want(set(agg) == {"id", "enabled", "type", "schema", "params"}, "an aggregation has",
             sorted(agg))
        want(agg["id"] == str(number) and agg["enabled"] is True, "aggregation", number)
        kinds = METRIC_AGGS if agg["schema"] == "metric" else BUCKET_AGGS
        want(agg["type"] in kinds, "aggregates by", agg["type"])
        want(agg["schema"] in SCHEMAS[vis["type"]], "schema", agg["schema"])
        if agg["type"] == "terms":
            order = agg["params"]["orderBy"]
            want(any(other["id"] == order and other["schema"] == "metric" for other in vis["aggs"]),
                 "is ordered by", order)
    if vis["type"] in ("area", "line", "histogram"):
        metrics = [agg["id"] for agg in vis["aggs"] if agg["schema"] == "metric"]
        want([s["data"]["id"] for s in vis["params"]["seriesParams"]] == metrics, "its series")
    if vis["type"] == "markdown":
        want(vis["params"]["markdown"], "says nothing")
    if vis["type"] == "metrics":
        want(("index_pattern" in vis["params"]) != kibana, "its index pattern")
        for series in vis["params"]["series"]:
            own = {metric["id"] for metric in series["metrics"]}
            want(series["terms_order_by"] in own, "is ordered by", series["terms_order_by"])
            for metric in series["metrics"]:
                for variable in metric.get("variables", []):
                    want(variable["field"] in own, "computes with", variable["field"])
                    want(f"params.{variable['name']}" in metric["script"], "uses not",
                         variable["name"])


def check_search(one, _kibana):
    attributes = one["attributes"]
    want(all(isinstance(column, str) for column in attributes["columns"]), "columns")
    want(all(len(sort) == 2 and sort[1] in ("asc", "desc") for sort in attributes["sort"]), "sort")


def check_map(one, _kibana):
    layers = json.loads(one["attributes"]["layerListJSON"])
    want(len({layer["id"] for layer in layers}) == len(layers), "two layers share an id")
    grids = [layer for layer in layers if layer["sourceDescriptor"]["type"] == "ES_GEO_GRID"]
    want(grids, "shows nothing")
    for number, layer in enumerate(layers):
        ref = layer["sourceDescriptor"].get("indexPatternRefName")
        want(ref in (None, f"layer_{number}_source_index_pattern"), "layer", number, "is of", ref)


def check_dashboard(one, kibana):
    attributes = one["attributes"]
    panels = json.loads(attributes["panelsJSON"])
    taken, indexes = {}, set()
    references = {reference["name"]: reference for reference in one["references"]}
    for panel in panels:
        grid, index = panel["gridData"], panel["panelIndex"]
        want(grid["i"] == index and index not in indexes, "panel", index)
        indexes.add(index)
        want(set(grid) == {"x", "y", "w", "h", "i"}, "gridData of", index)
        want(0 <= grid["x"] and grid["w"] > 0 and grid["x"] + grid["w"] <= COLUMNS, "panel", index,
             "is not within the columns")
        want(0 <= grid["y"] and grid["h"] > 0 and grid["y"] + grid["h"] <= PANEL_ROWS_MAX, "panel",
             index, "is not within the rows")
        for x in range(grid["x"], grid["x"] + grid["w"]):
            for y in range(grid["y"], grid["y"] + grid["h"]):
                want((x, y) not in taken, "panels", taken.get((x, y)), "and", index, "overlap")
                taken[x, y] = index
        name = f"{index}:{panel['panelRefName']}" if kibana else panel["panelRefName"]
        want(name in references, "panel", index, "shows nothing")
        if kibana:
            want(panel["type"] == references[name]["type"], "panel", index, "is of two types")
    want(attributes["timeRestore"] and attributes["timeFrom"] and attributes["timeTo"], "its time")
    want(set(attributes["refreshInterval"]) == {"pause", "value"}, "refreshInterval")


# --- Fields --------------------------------------------------------------------------------------

def fields(one):
    """Every field of documents that an object uses."""
    if one["type"] == "index-pattern":
        yield one["attributes"]["timeFieldName"]
        yield from json.loads(one["attributes"]["fieldFormatMap"])
        return
    if one["type"] == "search":
        yield from one["attributes"]["columns"]
        yield from (sort[0] for sort in one["attributes"]["sort"])
    if one["type"] == "visualization":
        for agg in state(one)["aggs"]:
            if "field" in agg["params"]:
                yield agg["params"]["field"]
    for _, body in searches(one):
        yield from fields_of_body(body)


def fields_of_body(value):
    if isinstance(value, dict):
        for key, inner in value.items():
            if key == "field":
                yield inner
            elif key in ("term", "range"):
                if "field" not in inner:
                    yield from inner
            else:
                yield from fields_of_body(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from fields_of_body(inner)


# --- Searches ------------------------------------------------------------------------------------

def kql(query):
    """`field : value` clauses with `and` and `not`, as filters."""
    found = {"filter": [], "must_not": []}
    for clause in re.split(r"\s+and\s+", query.strip()) if query.strip() else []:
        match = re.fullmatch(r'(not\s+)?([\w.@]+)\s*:\s*("[^"]*"|[\w.]+)', clause)
        want(match, "a query that is not understood:", query)
        found["must_not" if match[1] else "filter"].append(
            {"term": {match[2]: match[3].strip('"')}})
    return {"bool": found}


def metric_body(agg):
    """Nothing for a count: every bucket has it."""
    if agg["type"] == "count":
        return None
    return {agg["type"]: {"field": agg["params"]["field"]}}


def bucket_body(agg, counts):
    params = agg["params"]
    if agg["type"] == "terms":
        order = "_count" if params["orderBy"] in counts else params["orderBy"]
        return {"terms": {"field": params["field"], "size": params["size"],
                          "order": {order: params["order"]}}}
    if agg["type"] == "date_histogram":
        return {"date_histogram": {"field": params["field"], "fixed_interval": INTERVAL,
                                   "min_doc_count": params["min_doc_count"]}}
    return {"geohash_grid": {"field": params["field"], "precision": params["precision"]}}


def nested(buckets, metrics):
    """Aggregations, each bucket in the one before, with the metrics in each."""
    inner = dict(metrics)
    for id_, body, centroid in reversed(buckets):
        own = {**body, "aggs": {**inner, **({"centroid": centroid} if centroid else {})}}
        inner = {**metrics, id_: own} if id_ != buckets[0][0] else {id_: own}
    return inner


def of_classic(one):
    aggs = state(one)["aggs"]
    counts = {agg["id"] for agg in aggs if agg["type"] == "count"}
    metrics = {agg["id"]: metric_body(agg) for agg in aggs
               if agg["schema"] == "metric" and agg["type"] != "count"}
    buckets = []
    for agg in aggs:
        if agg["schema"] != "metric":
            centroid = {"geo_centroid": {"field": agg["params"]["field"]}} \
                if agg["type"] == "geohash_grid" else None
            buckets.append((agg["id"], bucket_body(agg, counts), centroid))
    return {"query": kql(source(one)["query"]["query"]), "aggs": nested(buckets, metrics)}


def of_tsvb(one):
    params = state(one)["params"]
    for series in params["series"]:
        metrics = {metric["id"]: {metric["type"]: {"field": metric["field"]}}
                   for metric in series["metrics"] if metric["type"] != "math"}
        over_time = {"date_histogram": {"field": params["time_field"], "fixed_interval": INTERVAL},
                     "aggs": metrics}
        yield {"query": kql(params["filter"]["query"]), "aggs": {"split": {
            "terms": {"field": series["terms_field"], "size": int(series["terms_size"]),
                      "order": {series["terms_order_by"]: series["terms_direction"]}},
            "aggs": {**metrics, "time": over_time}}}}


def of_map(one):
    for layer in json.loads(one["attributes"]["layerListJSON"]):
        described = layer["sourceDescriptor"]
        if described["type"] == "ES_GEO_GRID":
            metrics = {str(i): {m["type"]: {"field": m["field"]}}
                       for i, m in enumerate(described["metrics"])}
            field = described["geoField"]
            yield {"query": kql(layer["query"]["query"]), "aggs": {"grid": {
                "geotile_grid": {"field": field, "precision": 5},
                "aggs": {**metrics, "centroid": {"geo_centroid": {"field": field}}}}}}


def within(search, dashboard):
    """The search with the dashboard's time."""
    attributes = dashboard["attributes"]
    search["query"]["bool"]["filter"].append({"range": {"@timestamp": {
        "gte": attributes["timeFrom"], "lte": attributes["timeTo"]}}})
    return search


def searches(one):
    """A name and a body for each search that the object sends."""
    if one["type"] == "search":
        yield one["id"], {"query": kql(source(one)["query"]["query"]), "size": 5,
                          "sort": [{name: order} for name, order in one["attributes"]["sort"]],
                          "_source": one["attributes"]["columns"]}
    elif one["type"] == "map":
        for body in of_map(one):
            yield one["id"], {**body, "size": 0}
    elif one["type"] == "visualization":
        kind = state(one)["type"]
        if kind == "metrics":
            for body in of_tsvb(one):
                yield one["id"], {**body, "size": 0}
        elif kind != "markdown":
            yield one["id"], {**of_classic(one), "size": 0}


def emptiness(body, answer):
    """What of an answer shows nothing; None when all shows something."""
    if not answer["hits"]["total"]["value"]:
        return "no documents"
    if "aggs" not in body:
        if not answer["hits"]["hits"]:
            return "no hits"
        for column in body["_source"]:
            if not any(dig(hit["_source"], column) is not None for hit in answer["hits"]["hits"]):
                return f"column {column} is empty"
        return None
    # A number of records alone is the number of hits.
    return empty_aggs(body["aggs"], answer["aggregations"]) if body["aggs"] else None


def empty_aggs(aggs, answers):
    for name, agg in aggs.items():
        if "buckets" in answers[name]:
            buckets = answers[name]["buckets"]
            if not buckets:
                return f"no buckets in {name}: {agg}"
            # Not every address has a place: some bucket has to show something.
            whys = [empty_aggs(agg.get("aggs", {}), bucket) for bucket in buckets]
            if all(whys):
                return whys[0]
        elif "value" in answers[name] and not answers[name]["value"]:
            return f"nothing in {name}: {agg}"
    return None


def dig(document, path):
    """The value at a.b.c, through lists as well."""
    for name in path.split("."):
        if not isinstance(document, dict) or name not in document:
            return None
        document = document[name]
    return document
