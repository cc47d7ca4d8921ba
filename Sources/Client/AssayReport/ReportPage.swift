import AssayDomain
import Mustache

/// The report as one HTML page that needs nothing from anywhere: no script, no font, no picture of another place.
///
/// It is well-formed XML too, apart from its first line. All text is escaped by the templates; before that, control
/// characters are made visible.
package struct ReportPage {
    private struct Page {
        let name: String
        let headline: String
        let look: String
        /// Not called as the sign of a cell is, which would be looked up here where a cell has none.
        let sign: String
        let lead: String
        let tiles: [PageHead.Tile]
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
            parts: sections.map(Self.part), style: String(decoding: PackageResources.style_css, as: UTF8.self),
            foot: Self.safe(head.foot))
    }

    // MARK: Parts

    private static func part(_ section: ReportSection) -> Part {
        Part(
            anchor: section.id, heading: safe(section.title), remark: section.note.map { safe($0) },
            charts: section.charts, grid: section.grid,
            grids: section.tables.filter { !$0.rows.isEmpty }.map(grid))
    }

    private static func grid(_ table: ReportTable) -> Grid {
        let columns = table.headings.enumerated().map { index, heading in
            Column(text: safe(heading), isNumber: table.rows.first.map { $0[index].isNumber } ?? false)
        }
        return Grid(caption: safe(table.caption), columns: columns, lines: table.rows.map { Line(cells: $0.map(cell)) })
    }

    private static func cell(_ cell: ReportTable.Cell) -> Cell {
        let text = safe(cell.text)
        return switch cell.kind {
        case .head: Cell(text: text, isHead: true, look: "head", glyph: nil)
        case .text: Cell(text: text, isHead: false, look: "text", glyph: nil)
        case .number: Cell(text: text, isHead: false, look: "number", glyph: nil)
        case .status(.passed): Cell(text: text, isHead: false, look: "status passed", glyph: "✓")
        case .status(.failed): Cell(text: text, isHead: false, look: "status failed", glyph: "✕")
        case .status(.inconclusive): Cell(text: text, isHead: false, look: "status open", glyph: "?")
        case .status(.waived): Cell(text: text, isHead: false, look: "status open", glyph: "!")
        case .status(.missing): Cell(text: text, isHead: false, look: "status open", glyph: "–")
        }
    }

    private static let textCharactersMax = 2_000

    private static func safe(_ text: String) -> String { Printable.escape(text, limit: textCharactersMax) }
}

extension ReportTable.Cell {
    fileprivate var isNumber: Bool { if case .number = kind { true } else { false } }
}
