// Photograph 3: the ring on the maker's bench, among the tools that made it.
// Written for Hallmark. Licence: Apache-2.0 OR MIT.
#version 3.7;
global_settings { assumed_gamma 1.0 max_trace_level 16 adc_bailout 0.02 }

#declare Eye = <-12, 43, -58>;
#include "studio.inc"
#include "ring.inc"

camera { location Eye look_at <2.6, 1.0, 6.0> right x * image_width / image_height angle 37 }

// a window to the left, a lamp over the bench
Softbox(<-85, 55, 20>, 60, 75, 1.8)
Softbox(<30, 90, 40>, 50, 40, 1.3)
Softbox(<70, 30, -60>, 30, 50, 0.6)
Softbox(<-20, 40, -110>, 70, 40, 0.55)
Lamp(<-85, 57, 20>, rgb <0.95, 0.98, 1> * 1.15, 44)
Lamp(<30, 88, 40>, rgb <1, 0.90, 0.76> * 0.62, 30)
light_source { <40, 60, -60> rgb <1, 0.97, 0.93> * 0.10 shadowless }
sky_sphere {
  pigment {
    gradient y
    color_map { [0 rgb <0.24, 0.19, 0.15>] [0.4 rgb <0.10, 0.09, 0.08>] [0.7 rgb <0.20, 0.19, 0.18>] [1 rgb <0.14, 0.14, 0.14>] }
  }
}

#ifndef (Depth)
#macro Timber(Dark, Mid, Light, Seed)
  texture {
    pigment {
      average
      pigment_map {
        [1.3 wood turbulence 0.07 octaves 3 scale <1, 2.6, 3.4> rotate <1.5, 88.6, 0> translate <0, 2.1 + Seed, Seed * 7>
          color_map { [0 rgb Dark] [0.35 rgb Mid] [0.8 rgb Light] [1 rgb Dark] }]
        [1.0 granite scale <26, 1.1, 1.1> translate Seed * 3 color_map { [0 rgb Dark * 0.8] [0.4 rgb Mid] [1 rgb Light] }]
        [0.6 bozo scale <40, 6, 6> translate Seed * 11 color_map { [0 rgb Mid * 0.8] [1 rgb Light] }]
      }
    }
    normal { granite 0.22 scale <22, 0.8, 0.8> }
    finish { ambient 0 diffuse 0.78 specular 0.10 roughness 0.05 }
  }
#end
#declare Steel = texture {
  pigment { rgb <0.58, 0.58, 0.59> }
  finish { ambient 0 diffuse 0.12 specular 0.2 roughness 0.04 metallic reflection { rgb <0.50, 0.50, 0.51> } }
}
#declare Ash = texture {
  pigment {
    granite scale <2, 2, 40>
    color_map { [0 rgb <0.40, 0.26, 0.14>] [0.5 rgb <0.52, 0.36, 0.20>] [1 rgb <0.58, 0.42, 0.25>] }
  }
  finish { ambient 0 diffuse 0.75 specular 0.12 roughness 0.05 }
}
#declare FileSteel = texture {
  pigment { rgb <0.30, 0.30, 0.31> }
  normal { average normal_map { [1 gradient x 1.3 sine_wave scale 0.42 rotate 32 * y] [1 gradient x 1.3 sine_wave scale 0.42 rotate -32 * y] } }
  finish { ambient 0 diffuse 0.25 specular 0.4 roughness 0.03 metallic reflection { rgb 0.25 } }
}
#declare Paper = texture {
  pigment { rgb <0.78, 0.74, 0.66> }
  normal { bumps 0.08 scale 0.3 }
  finish { ambient 0 diffuse 0.85 }
}
#declare Pencil = texture { pigment { rgb <0.22, 0.21, 0.21> } finish { ambient 0 diffuse 0.6 specular 0.1 } }
#else
#macro Timber(Dark, Mid, Light, Seed) texture { Unlit } #end
#declare Steel = Unlit
#declare Ash = Unlit
#declare FileSteel = Unlit
#declare Paper = Unlit
#declare Pencil = Unlit
#end

// the bench: boards along x
#declare Board = 0;
#while (Board < 7)
  superellipsoid {
    <0.012, 0.012>
    scale <150, 4, 14.8>
    translate <Board * 13, -4, -42 + Board * 30>
    Timber(<0.19, 0.095, 0.042>, <0.33, 0.185, 0.088>, <0.44, 0.265, 0.135>, Board * 1.37)
  }
  #declare Board = Board + 1;
#end

// a card with the sketch of the ring, under the coil
union {
  box { <-24, 0, -17>, <24, 0.28, 17> texture { Paper } }
  union {
    torus { 7.6, 0.09 }
    torus { 6.4, 0.09 }
    torus { 2.4, 0.08 scale <1, 1, 0.9> translate 9.4 * z }
    cylinder { <-1.7, 0, 7.6>, <-2.4, 0, 9.4>, 0.08 }
    cylinder { <1.7, 0, 7.6>, <2.4, 0, 9.4>, 0.08 }
    cylinder { <-11, 0, -9.5>, <11, 0, -9.5>, 0.06 }
    cylinder { <-11, 0, -10.3>, <-11, 0, -8.7>, 0.06 }
    cylinder { <11, 0, -10.3>, <11, 0, -8.7>, 0.06 }
    #declare Line = 0;
    #while (Line < 5)
      cylinder { <13, 0, 8 - Line * 2.6>, <20 - mod(Line * 1.7, 3), 0, 8 - Line * 2.6>, 0.06 }
      #declare Line = Line + 1;
    #end
    scale <1, 0.2, 1>
    translate <-4, 0.28, 1>
    texture { Pencil }
  }
  rotate -13 * y
  translate <-16, 0, 37>
}

// the planishing hammer
union {
  lathe {
    cubic_spline 12
    <0, -18.6>, <0, -18.5>, <3.6, -18.2>, <4.6, -16.5>, <4.4, -12>, <3.0, -8>, <3.4, 0>, <3.0, 8>, <3.9, 13>, <4.2, 15.5>, <0, 17.5>, <0, 17.6>
    rotate -90 * z
    texture { Steel }
  }
  cone { <0, 0, -4.2>, 1.9, <0, 0, 6>, 2.1 scale <0.8, 1, 1> texture { Ash } }
  cone { <0, 0, 2>, 2.1, <0, 0, 140>, 4.4 scale <0.8, 1, 1> texture { Ash } }
  rotate 68 * y
  translate <22, 4.7, 42>
}

// a needle file
union {
  superellipsoid { <0.25, 0.25> scale <26, 0.75, 1.7> translate 26 * x texture { FileSteel } }
  cone { <-3, 0, 0>, 1.3, <3, 0, 0>, 1.0 texture { Steel } }
  cylinder { <-34, 0, 0>, <-3, 0, 0>, 1.6 texture { Steel } }
  translate 1.3 * y
  rotate 198 * y
  translate <63, 0, -24>
}

// a coil of gold wire, on the card
#declare Turn = 0;
#while (Turn < 6)
  torus {
    9.2 + 0.35 * sin(Turn * 2.3), 0.55
    rotate <1.6 * sin(Turn * 1.9), 0, 1.4 * cos(Turn * 2.7)>
    translate <-20 + 0.4 * cos(Turn * 3.1), 0.95 + Turn * 0.72, 27 + 0.4 * sin(Turn * 1.3)>
    texture { Gold }
  }
  #declare Turn = Turn + 1;
#end

// gold filings
#declare Dice = seed(750);
#declare Speck = 0;
#while (Speck < 170)
  #declare Far = 5 + 22 * pow(rand(Dice), 1.4);
  #declare Bearing = 2 * pi * rand(Dice);
  #declare Grain = 0.05 + 0.16 * pow(rand(Dice), 3);
  box {
    <-1.8, -0.6, -0.8> * Grain, <1.8, 0.6, 0.8> * Grain
    rotate <rand(Dice) * 50, rand(Dice) * 360, rand(Dice) * 50>
    translate <19 + cos(Bearing) * Far, 0.08, -9 + sin(Bearing) * Far * 0.55>
    texture { Gold }
  }
  #declare Speck = Speck + 1;
#end

// the ring, lying on the edge of its band and the lip of its setting
object { Ring rotate -83.2 * x rotate 24 * y translate <-1, 2.36, 1> }
