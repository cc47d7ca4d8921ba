package import AssayDomain

/// Rows under headings, as the page and the terminal show them.
package struct ReportTable: Sendable {
    package struct Cell: Sendable {
        package enum Kind: Sendable {
            /// Names the row.
            case head
            case text
            case number
            case status(RequirementOutcome.Status)
        }

        package let text: String
        let kind: Kind

        static func head(_ text: String) -> Cell { Cell(text: text, kind: .head) }
        static func text(_ text: String) -> Cell { Cell(text: text, kind: .text) }
        static func number(_ text: String) -> Cell { Cell(text: text, kind: .number) }
        static func status(_ status: RequirementOutcome.Status, _ word: String? = nil) -> Cell {
            Cell(text: word ?? status.rawValue, kind: .status(status))
        }
    }

    /// What the table holds, told where nobody sees the page around it.
    let caption: String
    package let headings: [String]
    package private(set) var rows: [[Cell]] = []

    init(_ caption: String, headings: [String]) {
        self.caption = caption
        self.headings = headings
    }

    mutating func add(_ cells: [Cell]) { rows.append(cells) }

    /// The table in pieces of at most so many columns, each with those that name the rows.
    func pieces(columnsMax: Int) -> [ReportTable] {
        let heads = rows.first?.prefix { if case .head = $0.kind { true } else { false } }.count ?? 0
        guard headings.count > columnsMax else { return [self] }
        let width = max(1, columnsMax - heads)
        let starts = stride(from: heads, to: headings.count, by: width)
        return starts.enumerated().map { index, start in
            let columns = Array(0..<heads) + Array(start..<min(start + width, headings.count))
            var piece = ReportTable(
                "\(caption) (part \(index + 1))", headings: columns.map { headings[$0] })
            for row in rows { piece.add(columns.map { row[$0] }) }
            return piece
        }
    }
}

/// A part of the report: a heading, a remark, pictures for the page alone, and tables for both.
package struct ReportSection: Sendable {
    let id: String
    package let title: String
    package var note: String?
    var charts: [Chart] = []
    var grid: ConfusionGrid?
    package var tables: [ReportTable] = []
    /// Whether the tables are for those who look closer.
    var isFolded = false

    init(_ id: String, _ title: String) {
        self.id = id
        self.title = title
    }

    var isEmpty: Bool { tables.allSatisfy(\.rows.isEmpty) && charts.isEmpty && note == nil }
}
