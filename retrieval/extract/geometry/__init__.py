"""What is drawn in a drawing, as JSON: entities with their points, layers, bounds.

marks       an entity as both readers find it: its type, its layer, and attributes by one set of names
planes      points and curves of an entity's own plane in the drawing's coordinates, and boxes around them
dxf, dwg    the readers, each from its format to marks
shapes      marks to JSON
sheet       all of them to the answer, within its bounds

Blocks are not expanded: an `INSERT` says where one stands. The box of a block is computed once, so blocks that insert each other,
or themselves a billion times, cost no more than they take in the file.
"""
