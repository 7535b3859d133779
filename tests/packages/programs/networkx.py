"""Graphs: paths, components, flows, colouring, matching, isomorphism, reading and writing."""

import networkx as nx


def main():
    graph = nx.Graph()
    graph.add_weighted_edges_from([("a", "b", 4), ("b", "c", 1), ("a", "c", 7), ("c", "d", 3)])
    assert nx.shortest_path(graph, "a", "d", weight="weight") == ["a", "b", "c", "d"]
    assert nx.dijkstra_path_length(graph, "a", "d") == 8
    assert nx.is_connected(graph)
    assert sorted(nx.minimum_spanning_tree(graph).edges(data="weight")) == [("a", "b", 4), ("b", "c", 1), ("c", "d", 3)]
    directed = nx.DiGraph([(1, 2), (2, 3), (3, 1), (3, 4)])
    assert sorted(map(sorted, nx.strongly_connected_components(directed))) == [[1, 2, 3], [4]]
    acyclic = nx.DiGraph([("shirt", "tie"), ("tie", "jacket"), ("trousers", "shoes")])
    order = list(nx.lexicographical_topological_sort(acyclic))
    flow = nx.DiGraph()
    flow.add_edge("s", "x", capacity=3)
    flow.add_edge("s", "y", capacity=2)
    flow.add_edge("x", "t", capacity=2)
    flow.add_edge("y", "t", capacity=3)
    assert nx.maximum_flow_value(flow, "s", "t") == 4
    petersen = nx.petersen_graph()
    assert nx.is_isomorphic(petersen, nx.relabel_nodes(petersen, lambda n: 9 - n))
    assert nx.diameter(petersen) == 2
    try:
        nx.shortest_path(directed, 4, 1)
    except nx.NetworkXNoPath as error:
        no_path = str(error)
    try:
        nx.topological_generations(acyclic).__next__()
        nx.minimum_spanning_tree(directed)
    except nx.NetworkXNotImplemented as error:
        not_implemented = str(error)
    text = list(nx.generate_edgelist(graph, data=["weight"]))
    again = nx.parse_edgelist(text, data=(("weight", int),))
    assert nx.utils.graphs_equal(again, graph)
    random = nx.gnp_random_graph(20, 0.3, seed=7)
    return {
        "order": order,
        "no_path": no_path,
        "not_implemented": not_implemented,
        "text": text,
        "random": random.number_of_edges(),
        "between": {node: round(value, 6) for node, value in nx.betweenness_centrality(directed).items()},
        "colours": max(nx.greedy_color(petersen).values()) + 1,
        "matching": sorted(map(sorted, nx.max_weight_matching(graph))),
        "cliques": sorted(map(sorted, nx.find_cliques(graph))),
        "bfs": list(nx.bfs_tree(graph, "a")),
        "cycles": sorted(map(sorted, nx.simple_cycles(directed))),
        "gml": "\n".join(nx.generate_gml(nx.path_graph(2))),
        "json": nx.node_link_data(nx.path_graph(2), edges="links"),
        "tree": nx.is_tree(nx.balanced_tree(2, 3)),
        "all_pairs": dict(nx.all_pairs_shortest_path_length(nx.path_graph(3))),
        "degrees": sorted(dict(graph.degree()).items()),
    }
