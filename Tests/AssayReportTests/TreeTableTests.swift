import AssayDomain
import Testing

@testable import AssayReport

@Suite struct TreeTableTests {
    private func rows(_ json: String) throws -> [[[String]]] {
        let tree = try JSON.decodeVerbatim(JSONTree.self, from: Array(json.utf8))
        return TreeTable.tables(of: tree).map { table in
            [table.headings] + table.rows.map { $0.map(\.text) }
        }
    }

    @Test func `a list of named objects is one table with a row for each`() throws {
        let json = #"[{"class": "a", "f1": 0.5, "samples": 2}, {"class": "b", "f1": 1, "samples": 3}]"#
        #expect(try rows(json) == [[["", "samples", "f1"], ["a", "2", "0.5000"], ["b", "3", "1"]]])
    }

    @Test func `plain parts stand beside the values of their object`() throws {
        let json = #"{"site": {"x": {"metrics": {"accuracy": 0.5}, "samples": 2}}}"#
        #expect(try rows(json) == [[["", "", "samples", "accuracy"], ["site", "x", "2", "0.5000"]]])
    }

    @Test func `nothing is lost where names are the same`() throws {
        let json = #"{"n": 1, "part": {"n": 2}}"#
        #expect(try rows(json).flatMap { $0 }.flatMap { $0 }.filter { $0 == "1" || $0 == "2" } == ["1", "2"])
    }

    @Test func `rows of different kinds are tables of their own`() throws {
        #expect(try rows(#"{"a": {"x": 1}, "b": {"y": [1, 2]}}"#).count == 2)
    }

    @Test func `a table that is too wide for paper comes in pieces that name their rows`() throws {
        var table = ReportTable("t", headings: ["", "a", "b", "c"])
        table.add([.head("x"), .number("1"), .number("2"), .number("3")])
        let pieces = table.pieces(columnsMax: 3)
        #expect(pieces.map { $0.rows[0].map(\.text) } == [["x", "1", "2"], ["x", "3"]])
        #expect(pieces.map(\.headings) == [["", "a", "b"], ["", "c"]] && table.pieces(columnsMax: 4).count == 1)
    }
}
