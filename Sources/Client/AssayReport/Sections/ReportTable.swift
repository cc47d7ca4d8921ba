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
