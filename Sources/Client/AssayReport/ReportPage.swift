import AssayDomain
import Mustache

/// The report as one HTML page that needs nothing from anywhere: no script, no font, no picture of another place.
///
/// It is well-formed XML too, apart from its first line. All text is escaped by the templates; before that, control
/// characters are made visible.
package struct ReportPage {
    private struct Fact {
        let label: String
        let value: String
    }

    private struct Page {
        let name: String
        let headline: String
        let look: String
        /// Not called as the sign of a cell is, which would be looked up here where a cell has none.
        let sign: String
        let lead: String
        let tiles: [PageHead.Tile]
        let facts: [Fact]
        let parts: [Part]
        let style: String
        let foot: String
    }

    private struct Part {
        let anchor: String
        let heading: String
        let remark: String?
        let charts: [Chart]
        let grid: ConfusionGrid?
        let grids: [Grid]
    }

    private struct Grid {
        let caption: String
        /// Whether its rows become cards where a screen is narrow.
        let stacks: Bool
        let columns: [Column]
        let lines: [Line]
    }

    private struct Column {
        let text: String
        let isNumber: Bool
    }

    private struct Line { let cells: [Cell] }

    private struct Cell {
        let text: String
        /// The heading of its column, for where the row of headings is not shown.
        let column: String
        let isHead: Bool
        let look: String
        let glyph: String?
    }

    private let head: PageHead
    private let sections: [ReportSection]

    package init(_ report: VersionReport) { (head, sections) = (report.head, report.sections) }

    package init(_ comparison: VersionComparison) { (head, sections) = (comparison.head, comparison.sections) }

    /// The page. Throws only if a template of ours is broken.
    package func html() throws -> String {
        let library = MustacheLibrary(templates: [
            "chart": try Self.template(PackageResources.chart_mustache),
            "grid": try Self.template(PackageResources.grid_mustache),
            "table": try Self.template(PackageResources.table_mustache),
        ])
        return try Self.template(PackageResources.page_mustache).render(page, library: library)
    }

    private static func template(_ bytes: [UInt8]) throws -> MustacheTemplate {
        try MustacheTemplate(string: String(decoding: bytes, as: UTF8.self))
    }

    // MARK: Head

    private var page: Page {
        Page(
            name: Self.safe(head.name), headline: Self.safe(head.headline), look: head.look, sign: head.sign,
            lead: Self.safe(head.lead),
            tiles: head.tiles.map {
                .init(label: Self.safe($0.label), figure: Self.safe($0.figure), remark: Self.safe($0.remark))
            },
            facts: head.facts.map { Fact(label: Self.safe($0.name.capitalizedFirst), value: Self.safe($0.text)) },
            parts: sections.map(Self.part), style: String(decoding: PackageResources.style_css, as: UTF8.self),
            foot: Self.safe(head.foot))
    }

    // MARK: Parts

    private static func part(_ section: ReportSection) -> Part {
        Part(
            anchor: section.id, heading: safe(section.title), remark: section.note.map { safe($0) },
            charts: section.charts, grid: section.grid,
            grids: section.tables.filter { !$0.rows.isEmpty }.flatMap { $0.pieces(columnsMax: columnsMax) }.map(grid))
    }

    /// The most columns that paper has room for.
    private static let columnsMax = 9
    /// The most columns that a narrow screen has room for.
    private static let narrowColumnsMax = 3

    private static func grid(_ table: ReportTable) -> Grid {
        let columns = table.headings.enumerated().map { index, heading in
            Column(text: safe(heading), isNumber: table.rows.first.map { $0[index].isNumber } ?? false)
        }
        return Grid(
            caption: safe(table.caption), stacks: columns.count > narrowColumnsMax, columns: columns,
            lines: table.rows.map { Line(cells: zip($0, columns).map { cell($0, under: $1.text) }) })
    }

    private static func cell(_ cell: ReportTable.Cell, under column: String) -> Cell {
        let (look, glyph): (String, String?) =
            switch cell.kind {
            case .head: ("head", nil)
            case .text: ("text", nil)
            case .number: ("number", nil)
            case .status(.passed): ("status passed", "✓")
            case .status(.failed): ("status failed", "✕")
            case .status(.inconclusive): ("status open", "?")
            case .status(.waived): ("status open", "!")
            case .status(.missing): ("status open", "–")
            }
        return Cell(text: safe(cell.text), column: column, isHead: look == "head", look: look, glyph: glyph)
    }

    private static let textCharactersMax = 2_000

    private static func safe(_ text: String) -> String { Printable.escape(text, limit: textCharactersMax) }
}

extension ReportTable.Cell {
    fileprivate var isNumber: Bool { if case .number = kind { true } else { false } }
}
