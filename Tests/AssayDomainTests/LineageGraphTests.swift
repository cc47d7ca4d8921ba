import AssayDomain
import Testing

struct LineageGraphTests {
    @Test func `a label cannot break out of its quotes`() {
        let graph = LineageGraph(
            root: .run("a\"; evil [x=\"\\"), direction: .ancestors,
            edges: [LineageEdge(from: .run("a\"]"), to: .run("b"), relation: .trainedOn)], isTruncated: false)
        #expect(graph.dot.contains(#""run a\"]" -> "run b" [label="trained-on"];"#))
        #expect(graph.dot.contains(#""run a\"; evil [x=\"\\" [style=bold];"#))
    }

    @Test(arguments: [("quantized", LineageRelation.quantizedFrom), ("fine-tuned", .fineTunedFrom)])
    func `a derivation word names its relation`(word: String, relation: LineageRelation) {
        #expect(LineageRelation(derivation: word) == relation)
    }
}
