import AssayDomain

/// A drawing with axes, as its template needs it: every number is a coordinate in the drawing's own units.
struct Chart: Sendable {
    struct Tick: Sendable {
        let at: String
        let label: String
    }
    /// A line or an area of one series.
    struct Path: Sendable {
        let shape: String
        let look: String
    }
    struct Dot: Sendable {
        let x: String
        let y: String
        let radius: String
        let look: String
    }
    struct Rule: Sendable {
        let x1: String
        let y1: String
        let x2: String
        let y2: String
        let look: String
    }
    struct Label: Sendable {
        let x: String
        let y: String
        let anchor: String
        let look: String
        let words: String
    }
    struct LegendItem: Sendable {
        let look: String
        let words: String
    }

    let id: String
    let title: String
    /// The picture in words.
    let description: String
    let frame: Frame
    var xTicks: [Tick] = []
    var yTicks: [Tick] = []
    var xTitle = ""
    var yTitle = ""
    var areas: [Path] = []
    var lines: [Path] = []
    var dots: [Dot] = []
    var rules: [Rule] = []
    var labels: [Label] = []
    var legend: [LegendItem] = []

    init(id: String, title: String, description: String, frame: Frame) {
        self.id = id
        self.title = title
        self.description = description
        self.frame = frame
    }

    /// Looks of series, one after the other; there are six in the style sheet.
    static func look(_ index: Int) -> String { "s\(index % 6 + 1)" }
}

/// The size of a drawing and the place of the plot in it.
struct Frame: Sendable {
    let width: Double
    let height: Double
    let left: Double
    let right: Double
    let top: Double
    let bottom: Double
    // What the template reads must be stored.
    let center: Double
    let middle: Double
    let tickEnd: Double

    init(width: Double = 720, height: Double = 270, left: Double = 58, right: Double = 20, top: Double = 30) {
        self.width = width
        self.height = height
        self.left = left
        self.right = width - right
        self.top = top
        bottom = height - 46
        center = (left + self.right) / 2
        middle = (top + bottom) / 2
        tickEnd = bottom + 5
    }

    var plotWidth: Double { right - left }
    var plotHeight: Double { bottom - top }
}

/// A coordinate as text.
func coordinate(_ value: Double) -> String { Figure.fixed(value, 1) }
